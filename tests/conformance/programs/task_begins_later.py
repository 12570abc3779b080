"""A task begins in the next turn, behind what was queued before it."""

import asyncio
async def child():
    print("child begins")
    return "value"


async def main():
    asyncio.get_running_loop().call_soon(print, "queued before")
    task = asyncio.create_task(child())
    asyncio.get_running_loop().call_soon(print, "queued after")
    print("created", task.done())
    print(await task, task.done())


asyncio.run(main())
