"""A loop that runs cannot be run again, nor closed."""

import asyncio
loop = asyncio.new_event_loop()


def inside():
    try:
        loop.run_forever()
    except RuntimeError as error:
        print(str(error)[:34])
    try:
        loop.close()
    except RuntimeError:
        print("cannot be closed")
    loop.call_soon(print, "still runs")
    loop.call_soon(loop.stop)


loop.call_soon(inside)
loop.run_forever()
loop.close()
