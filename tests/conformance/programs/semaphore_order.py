"""A semaphore lets so many in, and the others in their order."""

import asyncio


async def enters(name, semaphore):
    async with semaphore:
        print(name, "in")
        await asyncio.sleep(0)
        print(name, "out")


async def main():
    semaphore = asyncio.Semaphore(2)
    await asyncio.gather(*(enters(name, semaphore) for name in "abcd"))
    print(semaphore.locked())


asyncio.run(main())
