"""A callback that fails is told to the exception handler, and the turn goes on."""

import asyncio
loop = asyncio.new_event_loop()


def fails():
    raise RuntimeError("as asked")


def handler(loop, context):
    print("handler:", context["message"].split(" callback")[0], "-", context["exception"])


loop.set_exception_handler(handler)
loop.call_soon(print, "before")
loop.call_soon(fails)
loop.call_soon(print, "after")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
