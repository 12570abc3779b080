"""A run that was stopped before it began is one turn long."""

import asyncio
loop = asyncio.new_event_loop()
loop.call_soon(loop.call_soon, print, "in the second turn")
loop.call_soon(print, "in the first turn")
loop.stop()
loop.run_forever()
print("ended")
loop.stop()
loop.run_forever()
loop.close()
