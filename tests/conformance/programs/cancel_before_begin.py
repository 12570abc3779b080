"""A task that is cancelled before it began never runs a line."""

import asyncio
async def child():
    print("never")


async def main():
    task = asyncio.create_task(child())
    print(task.cancel(), task.cancelled(), task.done())
    await asyncio.sleep(0)
    print(task.cancelled(), task.cancel())


asyncio.run(main())
