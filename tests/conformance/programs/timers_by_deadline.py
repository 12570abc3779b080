"""Timers run in the order of their deadlines, not of their arming."""

import asyncio
loop = asyncio.new_event_loop()
base = loop.time()
for delay in (4, 2, 5, 1, 3):
    loop.call_at(base + delay / 1000, print, delay)
loop.call_at(base + 0.02, loop.stop)
loop.run_forever()
loop.close()
