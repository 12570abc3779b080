"""What fails while the group ends is told with the first."""

import asyncio


async def fails(name, steps):
    for _ in range(steps):
        await asyncio.sleep(0)
    raise ValueError(name)


async def fails_when_asked(name):
    try:
        await asyncio.sleep(3600)
    finally:
        raise ValueError(name)


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_when_asked("second"))
            group.create_task(fails("first", 2))
    except ExceptionGroup as error:
        print(*error.exceptions)


asyncio.run(main())
