"""Items go to those who wait in the order they came."""

import asyncio


async def gets(name, queue):
    print(name, "got", await queue.get())


async def main():
    queue = asyncio.Queue()
    tasks = [asyncio.create_task(gets(name, queue)) for name in "abc"]
    await asyncio.sleep(0)
    for number in range(3):
        queue.put_nowait(number)
    print("all put")
    await asyncio.wait(tasks)
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        print("empty")


asyncio.run(main())
