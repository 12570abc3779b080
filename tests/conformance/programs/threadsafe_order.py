"""Calls of another thread come in their order, before what the loop queues later."""

import asyncio
import threading

loop = asyncio.new_event_loop()


def other():
    loop.call_soon_threadsafe(print, "a from the thread")
    loop.call_soon_threadsafe(print, "b from the thread")


thread = threading.Thread(target=other)
thread.start()
thread.join()
loop.call_soon(print, "c from the loop")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
