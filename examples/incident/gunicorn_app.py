"""The same service in Python, for Debian's Gunicorn: a WSGI application with a pool of five.

INCIDENT_ROUNDS is the work of a task. `python3 gunicorn_app.py SECONDS` prints how many rounds take
so many seconds of CPU time. Plain WSGI: a framework would only add to every ping.
"""

import ctypes
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

POOL_SIZE = 5
DOWNLOAD_SECONDS = 0.1  # stands for the download from S3: a wait that gevent's patch makes cooperative

libc = ctypes.CDLL(None)  # the kernel's thread id, which no patch replaces


def compute(rounds):
    x = 12345
    for _ in range(rounds):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def calibrate(seconds):
    rounds = 1_000_000
    fastest = float("inf")
    for _ in range(5):
        before = time.thread_time()
        compute(rounds)
        fastest = min(fastest, time.thread_time() - before)
    return int(rounds * seconds / fastest)


executor = None
lock = threading.Lock()
submitted = 0
done = 0
tasks = []
pings = []


def run(number, rounds):
    global done
    time.sleep(DOWNLOAD_SECONDS)
    span = {"task": number, "thread": libc.gettid(), "from": time.monotonic(), "to": None}
    with lock:
        tasks.append(span)
    compute(rounds)
    with lock:
        span["to"] = time.monotonic()
        done += 1


def app(environ, start_response):
    global executor, submitted
    path = environ["PATH_INFO"]
    status = "200 OK"
    if path == "/split" and environ["REQUEST_METHOD"] == "POST":
        with lock:
            if executor is None:
                executor = ThreadPoolExecutor(POOL_SIZE)
            submitted += 1
            number = submitted
        executor.submit(run, number, int(os.environ["INCIDENT_ROUNDS"]))
        status, answer = "202 Accepted", {"task": number}
    elif path == "/ping":
        with lock:
            pings.append([libc.gettid(), time.monotonic()])
            answer = {"worker": os.getpid(), "submitted": submitted, "done": done}
    elif path == "/timeline":
        with lock:
            answer = {"tasks": tasks, "pings": pings}
    else:
        status, answer = "404 Not Found", {"status": 404}
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    print(calibrate(float(sys.argv[1])))
