"""Timers that share a deadline."""

import asyncio
loop = asyncio.new_event_loop()
when = loop.time() + 0.005
for number in range(6):
    loop.call_at(when, print, number)
loop.call_at(when + 0.01, loop.stop)
loop.run_forever()
loop.close()
