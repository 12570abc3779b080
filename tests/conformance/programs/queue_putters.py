"""Who waits to put gets its turn in the order it came, and a cancelled one puts nothing."""

import asyncio


async def puts(name, queue):
    await queue.put(name)
    print("put", name)


async def main():
    queue = asyncio.Queue(1)
    queue.put_nowait("first")
    tasks = [asyncio.create_task(puts(name, queue)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    for _ in range(3):
        print("got", await queue.get())
        for _ in range(3):
            await asyncio.sleep(0)
    print(queue.empty())


asyncio.run(main())
