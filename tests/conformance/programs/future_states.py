"""A future is set once; a cancelled one cannot be set."""

import asyncio
async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result(1)
    try:
        future.set_result(2)
    except asyncio.InvalidStateError:
        print("invalid state")
    print(future.cancel(), future.result())
    other = loop.create_future()
    print(other.cancel(), other.cancel(), other.cancelled(), other.done())
    failed = loop.create_future()
    failed.set_exception(RuntimeError("as asked"))
    print(failed.exception())


asyncio.run(main())
