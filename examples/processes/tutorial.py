import multiprocessing
import time


def a():
    for x in range(3):
        time.sleep(0.001)
        print(x)


def b():
    for x in "abc":
        time.sleep(0.001)
        print(x)


if __name__ == "__main__":
    multiprocessing.Process(target=a, name='a').start()
    multiprocessing.Process(target=b, name='b').start()
