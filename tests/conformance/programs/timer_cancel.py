"""A cancelled timer never runs and keeps its deadline; another may cancel it at the last moment."""

import asyncio
loop = asyncio.new_event_loop()
base = loop.time()
early = loop.call_at(base + 0.001, print, "early")
early.cancel()
loop.call_at(base + 0.002, lambda: late.cancel())
late = loop.call_at(base + 0.003, print, "late")
loop.call_at(base + 0.01, loop.stop)
loop.run_forever()
print(early.cancelled(), late.cancelled(), early.when() == base + 0.001)
loop.close()
