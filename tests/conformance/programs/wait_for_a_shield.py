"""Behind a shield a task outlives the wait for it."""

import asyncio


async def inner():
    await asyncio.sleep(0.02)
    print("inner ends")
    return 7


async def main():
    task = asyncio.create_task(inner())
    try:
        await asyncio.wait_for(asyncio.shield(task), 0.002)
    except asyncio.TimeoutError:
        print("timed out", task.done())
    print(await task)


asyncio.run(main())
