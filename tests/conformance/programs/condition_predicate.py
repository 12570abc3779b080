"""wait_for wakes when what it waits for is so, and not before."""

import asyncio


async def main():
    condition = asyncio.Condition()
    value = 0

    async def waits(name, least):
        async with condition:
            await condition.wait_for(lambda: value >= least)
            print(name, "has", value)

    tasks = [asyncio.create_task(waits("a", 2)), asyncio.create_task(waits("b", 1))]
    for _ in range(2):
        for _ in range(3):
            await asyncio.sleep(0)
        async with condition:
            value += 1
            print("now", value)
            condition.notify_all()
    await asyncio.wait(tasks)


asyncio.run(main())
