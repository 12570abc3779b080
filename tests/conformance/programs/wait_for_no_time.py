"""With no time at all a new task never runs, and one that has ended gives its value."""

import asyncio


async def child():
    print("runs")
    return "value"


async def main():
    try:
        await asyncio.wait_for(asyncio.create_task(child()), 0)
    except asyncio.TimeoutError:
        print("timed out")
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    print(await asyncio.wait_for(task, 0))


asyncio.run(main())
