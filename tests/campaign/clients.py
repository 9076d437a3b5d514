"""Those who post jobs, and one who watches what becomes of them: all that they know comes by HTTP."""
import json
import random
import threading
import time
from dataclasses import dataclass, field

import bucket

# Jobs that have not ended, beyond which nobody posts: how many a busy machine gets through nobody knows.
MOST_OPEN = 60
FINAL = ("completed", "cancelled", "discarded")


@dataclass
class Order:
    """One request of a client: posted until it is acknowledged, each time with the same key."""
    key: str
    body: dict
    ids: set = field(default_factory=set)      # of the jobs that acknowledgements named
    posts: int = 0
    cancel_asked: bool = False
    end: dict = None                           # the job as first seen in a final state

    @property
    def id(self):
        return next(iter(self.ids), None)


class Clients:
    def __init__(self, service, seed, count, a_minute, longest):
        self._service = service
        self._longest = longest                # job, in seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._orders = []
        self._threads = [threading.Thread(target=self._post_jobs, args=(random.Random("%s/client %d" % (seed, number)), number,
                                                                        60 * count / a_minute), daemon=True)
                         for number in range(count)]
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watched = threading.Event()      # nobody waits for ends any more
        self.answers = {}                      # status of a POST, or "none": how often
        self.surprises = []                    # answers that no fault explains

    def start(self):
        for thread in self._threads + [self._watcher]:
            thread.start()

    def stop_posting(self):
        """Each client sees its last order through; call when the service can take it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_the_ends(self, seconds):
        """Whether all acknowledged jobs were seen in a final state within that time."""
        deadline = time.monotonic() + seconds
        while self.open_orders() and time.monotonic() < deadline:
            time.sleep(0.1)
        self._watched.set()
        self._watcher.join()
        return not self.open_orders()

    def orders(self):
        with self._lock:
            return list(self._orders)

    def open_orders(self):
        return [order for order in self.orders() if order.ids and not order.end]

    # -- a client
    def _post_jobs(self, dice, number, every):
        count = 0
        while not self._stop.is_set():
            if len(self.open_orders()) >= MOST_OPEN:
                self._stop.wait(0.5)
                continue
            count += 1
            # Most are short; in a long campaign some outlast a lease.
            seconds = dice.choices((dice.uniform(0, 0.5), dice.uniform(0.5, 3), dice.uniform(self._longest / 4, self._longest)), (60, 37, 3))[0]
            job = number * 1_000_000 + count
            order = Order("campaign %d" % job, {"source": bucket.source_name(seconds, job), "groups": 2, "seed": job,
                                                "destination": "s3://%s/out/" % bucket.BUCKET, "restarts": 1,
                                                "budget_seconds": 0.02})
            with self._lock:
                self._orders.append(order)
            self._post(order, dice)
            if dice.random() < 0.1:
                self._post(order, dice)        # a client that lost the answer
            if dice.random() < 0.04:
                self._cancel(order)
            self._stop.wait(dice.expovariate(1 / every))

    def _post(self, order, dice):
        while True:
            order.posts += 1
            try:
                answer = self._service.call("POST", "/split", order.body, {"Idempotency-Key": order.key})
                self._count(answer.status)
                if answer.status == 202:
                    order.ids.add(answer.json["id"])
                    return
                if answer.status not in (429, 503, 504):
                    self.surprises.append("POST /split with key '%s': %d %r" % (order.key, answer.status, answer.body[:300]))
                    return
            except OSError:
                self._count("none")
            time.sleep(dice.uniform(0.1, 0.5))

    def _cancel(self, order):
        order.cancel_asked = True
        try:
            self._service.call("POST", "/jobs/%s/cancel" % order.id)
        except OSError:
            pass

    def _count(self, answer):
        with self._lock:
            self.answers[answer] = self.answers.get(answer, 0) + 1

    # -- the one who watches
    def _watch(self):
        while not self._watched.is_set():
            for order in self.open_orders():
                if self._watched.is_set():
                    return
                job = self.job(order.id)
                if job and job["state"] in FINAL:
                    order.end = job
            time.sleep(0.2)

    def job(self, id):
        """The job's document; None while the service does not give one."""
        try:
            answer = self._service.call("GET", "/jobs/" + id)
            return answer.json if answer.status == 200 else None
        except (OSError, json.JSONDecodeError):
            return None
