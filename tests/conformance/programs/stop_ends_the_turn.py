"""stop() lets the turn that is under way end; what it queues runs in the next run."""

import asyncio
loop = asyncio.new_event_loop()


def stops():
    print("stops")
    loop.stop()
    loop.call_soon(print, "queued after stop")


loop.call_soon(stops)
loop.call_soon(print, "in the same turn")
loop.run_forever()
print("between runs", loop.is_running(), loop.is_closed())
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
print(loop.is_closed())
