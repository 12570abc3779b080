"""join() waits until every item that was put is done."""

import asyncio


async def works(queue):
    while True:
        item = await queue.get()
        print("works on", item)
        await asyncio.sleep(0)
        queue.task_done()


async def main():
    queue = asyncio.Queue()
    await queue.join()
    print("nothing to do")
    for number in range(3):
        queue.put_nowait(number)
    worker = asyncio.create_task(works(queue))
    await queue.join()
    print("all done", queue.empty())
    worker.cancel()
    try:
        queue.task_done()
    except ValueError:
        print("too often")


asyncio.run(main())
