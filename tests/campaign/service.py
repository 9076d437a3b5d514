"""The service under test: started, kept up as an init system would, and its processes."""
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    """One process for good: a number alone may come back."""
    pid: int
    start: str     # clock ticks since boot

    def __str__(self):
        return "%d/%s" % (self.pid, self.start)


def look(pid):
    """(Process, state letter, parent) of `pid`, or None."""
    try:
        with open("/proc/%s/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return Process(int(pid), fields[19]), fields[0], int(fields[1])


def is_alive(process):
    seen = look(process.pid)
    return seen is not None and seen[0] == process and seen[1] not in "ZX"


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Service:
    ARGUMENTS = ["--workers", "2", "--task-workers", "3", "--task-threads", "2", "--crash-window", "1",
                 "--queue-limit", "1000000", "--graceful-timeout", "5"]

    def __init__(self, program, shim, folder, state, bucket):
        self.folder, self.state = folder, state
        self.store = os.path.join(state, "jobs.db")
        self.log = os.path.join(folder, "log")
        self.clock_file = os.path.join(folder, "clock")
        self._set_shift(0)
        config = os.path.join(folder, "service.toml")
        with open(config, "w") as file:
            file.write(bucket.toml())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._command = [program, "serve", "--bind", "127.0.0.1:%d" % self.port, "--state-dir", state, "--config", config,
                         *self.ARGUMENTS]
        self._environment = dict(os.environ, LD_PRELOAD=shim, CAMPAIGN_CLOCK=self.clock_file)
        self._lock = threading.Lock()
        self._arbiter = None
        self._down = threading.Event()
        self._keeper = threading.Thread(target=self._keep_up, daemon=True)
        self.starts = 0

    # -- the arbiter
    def start(self):
        self._keeper.start()
        deadline = time.monotonic() + 30
        while not self.is_settled():
            if time.monotonic() > deadline:
                raise RuntimeError("the service does not start:\n" + self.log_end())
            time.sleep(0.05)

    def _keep_up(self):
        """Starts it whenever it is not there, as an init system with Restart=always."""
        with open(self.log, "ab") as log:
            while not self._down.is_set():
                with self._lock:
                    self._arbiter = subprocess.Popen(self._command, cwd=self.folder, env=self._environment,
                                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                     start_new_session=True)
                self.starts += 1
                self._arbiter.wait()
                self._down.wait(0.2)

    def stop(self):
        self._down.set()
        with self._lock:
            if self._arbiter is None:
                return
            self._arbiter.send_signal(signal.SIGTERM)
        self._keeper.join(60)

    def kill(self):
        """Ends whatever is left; for the end of a campaign that failed."""
        self._down.set()
        for process in self.processes():
            send_signal(process, signal.SIGKILL)

    # -- processes
    def arbiter(self):
        with self._lock:
            if self._arbiter is None or self._arbiter.poll() is not None:
                return None
            seen = look(self._arbiter.pid)
        return seen and seen[0]

    def workers(self, role=""):
        """The workers of `role` ("web", "task"; any without it), by pid."""
        arbiter = self.arbiter()
        if arbiter is None:
            return []
        found = []
        for pid in os.listdir("/proc"):
            seen = look(pid) if pid.isdigit() else None
            if seen is None or seen[2] != arbiter.pid or seen[1] in "ZX":
                continue
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    title = file.read().split(b"\0")[0].decode(errors="replace")
            except OSError:
                continue
            if re.search(r": %s" % (role or "(web|task)"), title):
                found.append(seen[0])
        return sorted(found, key=lambda process: process.pid)

    def processes(self):
        arbiter = self.arbiter()
        return ([arbiter] if arbiter else []) + self.workers()

    def is_settled(self):
        """Whether it serves with all its workers, the same for a second: each has opened the store."""
        before = self.workers()
        if len(before) != 5 or not self.answers("/healthz"):
            return False
        time.sleep(1)
        return self.workers() == before

    # -- what it is asked
    def call(self, method, path, body=None, headers=None, timeout=10):
        """The answer; OSError when none came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = dict(headers or {})
            if body is not None:
                body = json.dumps(body)
                headers["Content-Type"] = "application/json"
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except http.client.HTTPException as error:
            raise OSError("no HTTP answer: %r" % error) from error
        finally:
            connection.close()

    def answers(self, path):
        try:
            return self.call("GET", path, timeout=5).status == 200
        except OSError:
            return False

    # -- its clock
    def shift_clock(self, seconds):
        self._set_shift(self._shift + int(seconds * 1e9))

    def _set_shift(self, nanoseconds):
        self._shift = nanoseconds
        # In place: the processes have it mapped.
        with open(self.clock_file, "r+b" if os.path.exists(self.clock_file) else "wb") as file:
            file.write(struct.pack("=q", nanoseconds))

    def log_end(self, size=4000):
        with open(self.log, "rb") as file:
            return file.read()[-size:].decode(errors="replace")


def send_signal(process, number):
    """Whether `process` was there to get the signal."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)

