"""A waiter that is cancelled keeps its place from nobody."""

import asyncio


async def enters(name, semaphore):
    async with semaphore:
        print(name)


async def main():
    semaphore = asyncio.Semaphore(1)
    await semaphore.acquire()
    tasks = [asyncio.create_task(enters(name, semaphore)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    semaphore.release()
    print("released")
    await asyncio.wait(tasks)
    print(tasks[0].cancelled(), semaphore.locked())


asyncio.run(main())
