"""What is done to the service, and a record of it that the proof goes by."""
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass

import service as processes

LONGEST_WAIT = 45.0   # for the quiet that a replacement needs


@dataclass
class Pause:
    process: processes.Process
    alone: bool             # one worker, while others went on
    began: float
    ended: float = None     # monotonic; None: it lasts


class Record:
    """Who was killed and paused, and when. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._killed = {}
        self._pauses = []
        self.counts = Counter()

    def count(self, what):
        with self._lock:
            self.counts[what] += 1

    def killed(self, process):
        with self._lock:
            self._killed.setdefault(process, time.monotonic())

    def when_killed(self, process):
        with self._lock:
            return self._killed.get(process)

    def paused(self, pause):
        with self._lock:
            self._pauses.append(pause)

    def pauses_of(self, process):
        with self._lock:
            return [pause for pause in self._pauses if pause.process == process]


class Faults:
    """Carries out the events of a plan; each returns at once, what lasts goes on in a thread of its own."""

    def __init__(self, service, disk, record):
        self._service, self._disk, self._record = service, disk, record
        self._threads = []
        self._over = threading.Event()
        self._store = threading.Lock()        # one fault of the store at a time
        self._lock = threading.Lock()
        self._lasting = 0                     # pauses
        self._quiet = False                   # no kills and no pauses, while the store is another
        self.store_path = threading.Lock()    # held while another file has the store's name

    def do(self, event):
        what, _, whom = event.kind.partition(" ")
        if what == "kill":
            self._kill(event, whom)
        elif what == "pause":
            self._begin(self._pause, event, whom)
        elif what == "set":
            self._service.shift_clock(event.seconds)
            self._record.count(event.kind)
        else:
            self._begin(self._store_fault, event)

    def end(self):
        """Ends what lasts, and returns when all is as it should be."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    # -- processes
    def _kill(self, event, whom):
        with self._lock:
            if self._quiet:
                return self._record.count("held back: kill")
            if whom in ("arbiter", "all"):
                arbiter = self._service.arbiter()
                victims = ([arbiter] if arbiter else [])
                # Its children die with it, so theirs is no death of their own either way.
                for worker in self._service.workers():
                    self._record.killed(worker)
                    if whom == "all":
                        victims.append(worker)
            else:
                victims = self._pick(self._service.workers(whom), event.pick)
            for process in victims:
                self._record.killed(process)
            if victims and any([processes.send_signal(process, signal.SIGKILL) for process in victims]):
                self._record.count(event.kind)
            else:
                self._record.count("nobody there: kill")

    @staticmethod
    def _pick(candidates, pick):
        return candidates[int(pick * len(candidates)):][:1]

    def _pause(self, event, whom):
        with self._lock:
            if self._quiet:
                return self._record.count("held back: pause")
            if whom == "all":
                victims = self._service.processes()
            else:
                victims = self._pick(self._service.workers(whom), event.pick)
            pauses = []
            for process in victims:
                pause = Pause(process, whom != "all", time.monotonic())
                if processes.send_signal(process, signal.SIGSTOP):
                    pauses.append(pause)
                    self._record.paused(pause)
            if not pauses:
                return self._record.count("nobody there: pause")
            self._lasting += 1
        self._over.wait(event.seconds)
        with self._lock:
            for pause in pauses:
                processes.send_signal(pause.process, signal.SIGCONT)
                pause.ended = time.monotonic()
            self._lasting -= 1
        self._record.count(event.kind)

    # -- the store
    def _store_fault(self, event):
        with self._store:
            done = {"lock store": self._lock_store, "fill disk": self._fill_disk,
                    "replace store": self._replace_store}[event.kind](event)
        self._record.count(event.kind if done else "held back: " + event.kind)

    def _lock_store(self, event):
        other = sqlite3.connect(self._service.store, isolation_level=None, timeout=10)
        try:
            other.execute("BEGIN EXCLUSIVE")
            self._over.wait(event.seconds)
            other.execute("ROLLBACK")
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            other.close()

    def _fill_disk(self, event):
        self._disk.fill(self._service)
        self._over.wait(event.seconds)
        self._disk.free(self._service)
        return True

    def _replace_store(self, event):
        """Another file takes the store's name, and the store comes back. Whoever opens the store meanwhile takes the other
        for it, as he should, so nobody may start then."""
        with self._lock:
            self._quiet = True
        try:
            deadline = time.monotonic() + LONGEST_WAIT
            while self._lasting or not self._service.is_settled():
                if self._over.is_set() or time.monotonic() > deadline:
                    return False
            store, aside, other = self._service.store, self._service.store + ".aside", self._service.store + ".other"
            # A process of its own: closing a file here would drop the locks of whoever here reads the store.
            with self.store_path:
                subprocess.run(["cp", store, other], check=True)
                os.link(store, aside)
                os.rename(other, store)
                self._over.wait(event.seconds)
                os.rename(aside, store)
            return True
        finally:
            with self._lock:
                self._quiet = False
