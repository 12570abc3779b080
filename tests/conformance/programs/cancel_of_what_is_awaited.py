"""A task that awaits a cancelled future ends cancelled."""

import asyncio
async def main():
    future = asyncio.get_running_loop().create_future()

    async def child():
        await future

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    print(future.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")


asyncio.run(main())
