"""What is ready runs before timers that are due, though they were armed before."""

import asyncio
loop = asyncio.new_event_loop()
loop.call_later(0, print, "timer of no time")
loop.call_later(-1, print, "timer of the past")
loop.call_soon(print, "soon")
loop.call_later(0.01, loop.stop)
loop.run_forever()
loop.close()
