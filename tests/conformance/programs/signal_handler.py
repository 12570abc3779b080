"""A signal's handler runs as a callback, in the turn after the signal."""

import asyncio
import signal

loop = asyncio.new_event_loop()


def handler():
    print("handled")
    loop.call_soon(loop.stop)


loop.add_signal_handler(signal.SIGUSR1, handler)
loop.call_soon(signal.raise_signal, signal.SIGUSR1)
loop.call_soon(print, "in the same turn")
loop.run_forever()
print(loop.remove_signal_handler(signal.SIGUSR1), loop.remove_signal_handler(signal.SIGUSR1))
loop.close()
