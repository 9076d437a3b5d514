"""The story's service for Gunicorn: a Flask route that submits a split to a pool and answers at once.

What stands in for the original: the download is a wait of 0.2 s, which gevent's patch makes cooperative,
and the read of a plain file (no boto3: this measures the server, not S3), and the split is an exchange search in pure Python with a fixed amount of work, counted
in trials, so that tasks which share a core do no less of it. STORY_POOL is the size of the pool, STORY_TRIALS the trials
of a task that asks for {"long": true}. `python3 story.py FILE SECONDS` prints how many trials take so
many seconds of CPU time.
"""

import csv
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, jsonify, request

app = Flask(__name__)
SHORT_TRIALS = 1000
DOWNLOAD_SECONDS = 0.2
executor = None
results = {}


def read(path):
    with open(path, newline="") as f:
        rows = list(csv.reader(f))[1:]
    return [[float(cell) for cell in row[1:]] for row in rows]


def split(path, trials):
    """Two groups with means as alike as exchanges can make them."""
    time.sleep(DOWNLOAD_SECONDS)
    rows = read(path)
    columns = range(len(rows[0]))
    sides = [1 if i % 2 else -1 for i in range(len(rows))]
    random.Random(1).shuffle(sides)
    difference = [sum(side * row[c] for side, row in zip(sides, rows)) for c in columns]
    chance = random.Random(2)
    for _ in range(trials):
        i, j = chance.randrange(len(rows)), chance.randrange(len(rows))
        if sides[i] == sides[j]:
            continue
        after = [difference[c] - 2 * sides[i] * (rows[i][c] - rows[j][c]) for c in columns]
        if sum(d * d for d in after) < sum(d * d for d in difference):
            difference = after
            sides[i], sides[j] = sides[j], sides[i]
    return sides


@app.get("/healthz")
def healthz():
    return jsonify(status="ok")


@app.post("/split")
def submit():
    global executor
    if executor is None:
        executor = ThreadPoolExecutor(int(os.environ["STORY_POOL"]))
    trials = int(os.environ["STORY_TRIALS"]) if request.get_json().get("long") else SHORT_TRIALS
    number = len(results) + 1
    results[number] = executor.submit(split, os.environ["STORY_FILE"], trials)
    return jsonify(id=number), 202


@app.get("/running")
def running():
    return jsonify(running=sum(not future.done() for future in results.values()))


if __name__ == "__main__":
    before = time.thread_time()
    split(sys.argv[1], 100_000)
    print(int(100_000 * float(sys.argv[2]) / (time.thread_time() - before)))
