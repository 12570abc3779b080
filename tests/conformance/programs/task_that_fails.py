"""Who awaits a task that failed is told with what."""

import asyncio
async def fails():
    raise RuntimeError("as asked")


async def main():
    task = asyncio.create_task(fails())
    try:
        await task
    except RuntimeError as error:
        print("caught", error)
    print(task.done(), task.cancelled())


asyncio.run(main())
