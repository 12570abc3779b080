"""A future wakes its awaiters in the order they came."""

import asyncio
async def waits(name, future):
    print(name, "waits")
    print(name, await future)


async def main():
    future = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(waits(name, future)) for name in "abc"]
    await asyncio.sleep(0)
    future.set_result("woke")
    print("set")
    for task in tasks:
        await task


asyncio.run(main())
