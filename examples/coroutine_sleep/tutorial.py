import asyncio


async def sleep(x):
    for i in range(3):
        print('sleep {}'.format(i))
        await asyncio.sleep(x)


loop = asyncio.get_event_loop()
loop.run_until_complete(sleep(3))
loop.close()
