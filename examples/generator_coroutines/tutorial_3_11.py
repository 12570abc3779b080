import asyncio


async def a():
    for x in range(3):
        print('a.x', x)
        await asyncio.sleep(0)


async def b():
    for x in 'abc':
        print('b.x', x)
        await asyncio.sleep(0)


print(asyncio.iscoroutinefunction(a))
print(asyncio.iscoroutinefunction(b))

loop = asyncio.get_event_loop()
tasks = [loop.create_task(a()), loop.create_task(b())]
loop.run_until_complete(asyncio.wait(tasks))
loop.close()
