def a():
    for x in range(3):
        print(x)
        yield


def b():
    for x in "abc":
        print(x)
        yield


x = a()
y = b()

for i in range(3):
    next(x)
    next(y)
