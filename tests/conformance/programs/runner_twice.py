"""A runner keeps its loop and its tasks from run to run, and ends them when it closes."""

import asyncio


async def counts():
    try:
        for number in range(3):
            print("count", number)
            await asyncio.sleep(0)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("heard")
        raise


async def first():
    task = asyncio.create_task(counts())
    await asyncio.sleep(0)
    print("first ends")
    return task


async def second(task):
    for _ in range(4):
        await asyncio.sleep(0)
    print("second ends", task.done())


with asyncio.Runner() as runner:
    task = runner.run(first())
    print("between", task.done())
    runner.run(second(task))
print("closed", task.done())
