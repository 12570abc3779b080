def a():
    for x in range(3):
        print(x)


def b():
    for x in "abc":
        print(x)


a()
b()
