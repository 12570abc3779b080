"""A waiter that is cancelled leaves the line, and the next one gets the lock."""

import asyncio


async def holds(name, lock):
    async with lock:
        print(name)


async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    tasks = [asyncio.create_task(holds(name, lock)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    lock.release()
    print("released")
    await asyncio.wait(tasks)
    print(tasks[0].cancelled(), lock.locked())


asyncio.run(main())
