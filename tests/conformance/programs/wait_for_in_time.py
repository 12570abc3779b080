"""What ends in time, or has no limit, gives its value or its error."""

import asyncio


async def gives(value):
    await asyncio.sleep(0)
    return value


async def fails():
    raise ValueError("as asked")


async def main():
    print(await asyncio.wait_for(asyncio.create_task(gives("limited")), 60))
    print(await asyncio.wait_for(asyncio.create_task(gives("unlimited")), None))
    try:
        await asyncio.wait_for(asyncio.create_task(fails()), 60)
    except ValueError as error:
        print("failed:", error)


asyncio.run(main())
