"""What the benchmarks share: processes that always end, CPU and memory of process trees, tables, JSON.

Everything listens on 127.0.0.1, on ports the kernel chose. Servers stay in this session: autogrouping
would otherwise give each its own share of the CPU and hide what priorities do.
"""

import atexit
import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BENCH_BIN", os.path.join(ROOT, "build", "bin"))
PYTHON = "/usr/bin/python3"  # Debian's: another one would not see Debian's gevent
GUNICORN = "/usr/bin/gunicorn"
NGINX = "/usr/sbin/nginx"
INSTALL = "NOT MEASURED: not installed here (./dev install bench)"

_libc = ctypes.CDLL(None, use_errno=True)
_children = []
_directory = None


def directory():
    """A scratch directory that goes away with this process."""
    global _directory
    if _directory is None:
        _directory = tempfile.mkdtemp(prefix="saola-bench-")
        # In the end its children are gone: atexit runs in the opposite order.
        atexit.register(shutil.rmtree, _directory, ignore_errors=True)
        atexit.register(stop_all)
    return _directory


def _die_on_signal(number, _frame):
    sys.exit(128 + number)


for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _die_on_signal)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cores():
    return sorted(os.sched_getaffinity(0))


def program(name):
    path = os.path.join(BIN, name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: build it with ./dev build (or ./dev bench, which does)")
    return path


class Server:
    """A server process in a process group of its own."""

    def __init__(self, name, command, port, pin=None, environment=None, cwd=None):
        self.name, self.port = name, port
        self.log_path = os.path.join(directory(), f"{name.replace(' ', '-')}-{port}.log")

        def before_exec():
            _libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if pin is not None:
                os.sched_setaffinity(0, pin)

        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=cwd, process_group=0,
                preexec_fn=before_exec,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})})
        _children.append(self)

    @property
    def pid(self):
        return self.process.pid

    def wait_until_it_answers(self, path="/", seconds=20):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                status, _ = http(self.port, "GET", path)
                if status < 500:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        with open(self.log_path, errors="replace") as log:
            sys.exit(f"{self.name} does not answer on port {self.port}; its log ends with:\n{log.read()[-2000:]}")

    def stop(self):
        if self in _children:
            _children.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)  # a worker that outlived its arbiter, too
        except ProcessLookupError:
            pass
        self.process.wait()


def stop_all():
    for server in list(_children):
        server.stop()


def tree(pid):
    """The process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                children.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(entry))
        except OSError:
            pass
    out, queue = [], [pid]
    while queue:
        one = queue.pop()
        out.append(one)
        queue += children.get(one, [])
    return out


def threads(pid):
    """[(thread id, name)] of a process tree."""
    out = []
    for process in tree(pid):
        for tid in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{tid}/comm") as f:
                out.append((int(tid), f.read().strip()))
    return out


def cpu_of_threads(tids):
    """CPU seconds, exact to nanoseconds."""
    total = 0.0
    for tid in tids:
        try:
            with open(f"/proc/{tid}/schedstat") as f:
                total += int(f.read().split()[0]) / 1e9
        except OSError:
            pass
    return total


def cpu_seconds(pid):
    return cpu_of_threads(tid for tid, _ in threads(pid))


def resident_bytes(pid):
    """Memory of a process tree, shared pages divided among those that share them."""
    total = 0
    for process in tree(pid):
        with open(f"/proc/{process}/smaps_rollup") as f:
            for line in f:
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def http(port, method, path, body=None, timeout=10):
    """One request on a connection of its own: (status, body)."""
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.sendall(head.encode() + b"\r\n" + payload)
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ConnectionError("no HTTP answer")
    return int(head[9:12]), rest


def has_python(*modules):
    return os.path.exists(PYTHON) and subprocess.run(
        [PYTHON, "-c", "import " + ",".join(modules)], capture_output=True).returncode == 0


def load_average():
    return os.getloadavg()[0]


def median(values):
    return statistics.median(values) if values else float("nan")


def spread(values):
    """The range over repetitions, as text."""
    return f"{min(values):,.0f}-{max(values):,.0f}" if values else ""


def print_table(headings, rows):
    """Rows of texts; a row of one text after its name is a remark."""
    full = [row for row in rows if len(row) == len(headings)]
    widths = [max([len(headings[i])] + [len(row[i]) for row in full]) for i in range(len(headings))]
    widths[0] = max([widths[0]] + [len(row[0]) for row in rows])

    def line(row):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(widths[i + 1]) for i, cell in enumerate(row[1:])]
        return "  ".join(cells)

    print(line(headings))
    print("  ".join("-" * width for width in widths))
    for row in rows:
        print(line(row) if len(row) == len(headings) else f"{row[0].ljust(widths[0])}  {row[1]}")
    print(flush=True)


def write_json(path, value):
    if path is None:
        return
    value = {"cores": len(cores()), "load_average": load_average(), "kernel": os.uname().release, **value}
    with open(path, "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
    print(f"written: {path}", file=sys.stderr)
