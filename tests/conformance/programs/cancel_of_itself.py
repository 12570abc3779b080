"""A task that cancels itself and returns without an await ends cancelled."""

import asyncio
async def child():
    asyncio.current_task().cancel()
    return "value"


async def main():
    task = asyncio.create_task(child())
    try:
        print(await task)
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())


asyncio.run(main())
