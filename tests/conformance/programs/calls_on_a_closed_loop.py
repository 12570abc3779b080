"""A closed loop refuses calls and can be closed again."""

import asyncio
loop = asyncio.new_event_loop()
loop.close()
loop.close()
for call in (
    lambda: loop.call_soon(print),
    lambda: loop.call_later(1, print),
    lambda: loop.call_soon_threadsafe(print),
    loop.run_forever,
):
    try:
        call()
    except RuntimeError as error:
        print(error)
