"""A task may swallow a cancel and go on."""

import asyncio
async def child():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("swallowed")
    await asyncio.sleep(0)
    return "value"


async def main():
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    task.cancel()
    print(await task, task.cancelled())


asyncio.run(main())
