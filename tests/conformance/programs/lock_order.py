"""A lock goes to who waits, in the order they came; who releases it goes to the back."""

import asyncio


async def holds(name, lock):
    for number in range(2):
        async with lock:
            print(name, number)
            await asyncio.sleep(0)


async def main():
    lock = asyncio.Lock()
    await asyncio.gather(*(holds(name, lock) for name in "abc"))
    print(lock.locked())


asyncio.run(main())
