"""notify wakes so many, in their order, once the lock is free."""

import asyncio


async def waits(name, condition):
    async with condition:
        print(name, "waits")
        await condition.wait()
        print(name, "woke")


async def main():
    condition = asyncio.Condition()
    tasks = [asyncio.create_task(waits(name, condition)) for name in "abc"]
    await asyncio.sleep(0)
    async with condition:
        condition.notify(2)
        print("notified two")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
        print("notified all")
    for task in tasks:
        await task


asyncio.run(main())
