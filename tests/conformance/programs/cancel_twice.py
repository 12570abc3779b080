"""Two cancels before the task runs are heard once and counted twice."""

import asyncio
async def child():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("heard", asyncio.current_task().cancelling())
        print("left", asyncio.current_task().uncancel())
    await asyncio.sleep(0)
    print("goes on")


async def main():
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    print(task.cancel(), task.cancel(), task.cancelling())
    await task
    print(task.cancelled())


asyncio.run(main())
