"""Looks into the store ten times a second, and judges each attempt that was taken from its owner at that moment.

An error does not name the owner, which is nobody's business but the store's: it is the one that held the lease when the
attempt was seen running. The store's columns are those of docs/formats/jobs_sqlite.md.
"""
import re
import sqlite3
import threading
import time
from dataclasses import dataclass

import plan
import service as processes

EVERY = 0.1
# A worker that woke may lose a lease that ended while it slept, until it has had time to renew it.
WAKING = 1.0
# What the store says of an attempt that was taken from its owner, and whether its lease had to end for that.
TAKEN = {"the worker that ran it died": False, "its lease expired: its worker died, hung or lost the store": True}


@dataclass
class Taken:
    """An attempt that somebody took from its owner, as the job's own errors tell it."""
    job: str
    attempt: int
    text: str
    seen: float      # monotonic
    fault: str = ""  # why it should not have been taken


class Observer:
    def __init__(self, store, store_path, record):
        self._store, self._store_path, self._record = store, store_path, record
        self._known = set()
        self._owners = {}    # by job and attempt
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken = []
        self.failed = []     # (attempt, job, text): attempts that ended with an error of their own
        self.unseen = 0      # attempts taken from an owner that no look has seen
        self.looks = 0

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._look()

    def _run(self):
        while not self._stop.wait(EVERY):
            # While another file has the store's name there is nothing to see.
            if self._store_path.acquire(blocking=False):
                try:
                    self._look()
                finally:
                    self._store_path.release()

    def _look(self):
        try:
            # Opened anew each time: one that stays would keep alive what a dead server leaves to be recovered.
            store = sqlite3.connect("file:%s?mode=ro" % self._store, uri=True, timeout=1)
            try:
                running = store.execute("SELECT id, attempt, lease_owner FROM jobs WHERE state = 'running'").fetchall()
                rows = store.execute("SELECT jobs.id, job_errors.attempt, text FROM job_errors JOIN jobs USING (seq)").fetchall()
            finally:
                store.close()
        except sqlite3.Error:
            return
        self.looks += 1
        self.judge(running, rows, time.monotonic())

    def judge(self, running, errors, now):
        for job, attempt, owner in running:
            self._owners[job, attempt] = owner
        for job, attempt, text in errors:
            if (job, attempt) in self._known:
                continue
            self._known.add((job, attempt))
            if text not in TAKEN:
                self.failed.append((attempt, job, text))
                continue
            taken = Taken(job, attempt, text, now)
            owner = re.search(r"/(\d+)/(\d+)$", self._owners.get((job, attempt), ""))
            if owner is None:
                self.unseen += 1
            else:
                taken.fault = self._fault_of(processes.Process(int(owner[1]), owner[2]), TAKEN[text], now)
            self.taken.append(taken)

    def _fault_of(self, owner, expired, now):
        """Why `owner` should have kept its lease; empty when it was dead, or had stood still alone for long enough."""
        if not processes.is_alive(owner):
            return ""
        if not expired:
            return "worker %s was taken for dead and lives" % owner
        for pause in self._record.pauses_of(owner):
            ended = pause.ended or now
            if pause.alone and ended - pause.began >= plan.LEASE - plan.RENEW - WAKING and now - ended <= WAKING:
                return ""
        return "worker %s lost its lease although it lived (pauses: %s)" % (
            owner, ["%.1f s, %.1f s ago" % ((pause.ended or now) - pause.began, now - (pause.ended or now))
                    for pause in self._record.pauses_of(owner)])
