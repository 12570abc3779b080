"""A group that is over takes no task."""

import asyncio


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
    late = asyncio.sleep(0)
    try:
        group.create_task(late)
    except RuntimeError:
        print("refused")
    late.close()


asyncio.run(main())
