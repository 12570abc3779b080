"""Done callbacks run in the order they were added, never from inside set_result."""

import asyncio
async def main():
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda future: print("first", future.result()))
    future.add_done_callback(lambda future: print("second"))
    print("pending", future.done())
    future.set_result(7)
    print("set", future.done())
    future.add_done_callback(lambda future: print("added late"))
    print("no callback ran yet")
    await asyncio.sleep(0)
    print(future.result())


asyncio.run(main())
