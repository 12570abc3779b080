import threading
import time


def a():
    for x in range(3):
        time.sleep(0.001)
        print(x)


def b():
    for x in "abc":
        time.sleep(0.001)
        print(x)


threading.Thread(target=a, name='a').start()
threading.Thread(target=b, name='b').start()
