"""A handle that is cancelled before its turn never runs, even if it is in the same turn."""

import asyncio
loop = asyncio.new_event_loop()
early = loop.call_soon(print, "early")
early.cancel()
loop.call_soon(lambda: late.cancel())
late = loop.call_soon(print, "late")
loop.call_soon(print, "last")
loop.call_soon(loop.stop)
loop.run_forever()
print(early.cancelled(), late.cancelled())
loop.close()
