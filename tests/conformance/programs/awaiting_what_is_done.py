"""An await of a future that is done goes on at once."""

import asyncio
async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result("value")
    loop.call_soon(print, "a callback")
    print(await future)
    print("no turn has passed")
    await asyncio.sleep(0)
    print("one has")


asyncio.run(main())
