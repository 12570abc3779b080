"""Names are Task-N, or as given."""

import asyncio
async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    print(task.get_name().split("-")[0])
    task.set_name("reader")
    print(task.get_name(), len(asyncio.all_tasks()))
    await task
    print(len(asyncio.all_tasks()))


asyncio.run(main())
