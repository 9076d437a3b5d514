"""The disk that the job store is on: one that can be filled."""
import ctypes
import os
import resource
import subprocess

SIZE = 192 << 20
LIMIT = 64 << 10   # bytes of a file, where there is no small disk: the store has more


def on_its_own_mounts(arguments):
    """Runs `arguments` again with mounts that nobody else sees, when this process may; returns otherwise."""
    if os.environ.get("CAMPAIGN_MOUNTS") or os.geteuid() != 0:
        return
    environment = dict(os.environ, CAMPAIGN_MOUNTS="own")
    try:
        subprocess.run(["unshare", "--mount", "true"], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return
    os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", *arguments], environment)


def make(folder):
    """A disk whose root is `folder`."""
    if os.environ.get("CAMPAIGN_MOUNTS"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=%d,mode=0700" % SIZE) == 0:
            return SmallDisk(folder, libc)
    return SizeLimit()


class SmallDisk:
    """A file system of its own; something else takes all of its space."""
    name = "a small file system"

    def __init__(self, folder, libc):
        self._folder, self._libc = folder, libc
        self._ballast = os.path.join(folder, "ballast")

    def fill(self, _service):
        with open(self._ballast, "wb") as file:
            size = SIZE
            while size >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
                except OSError:
                    size //= 2

    def free(self, _service):
        os.unlink(self._ballast)

    def end(self):
        self._libc.umount2(os.fsencode(self._folder), 2)   # MNT_DETACH: whoever still has files there keeps them


class SizeLimit:
    """No file may grow beyond some bytes (RLIMIT_FSIZE), for the processes there are and those they start."""
    name = "a limit on the size of files"

    def fill(self, service):
        self._set(service, LIMIT)

    def free(self, service):
        self._set(service, resource.RLIM_INFINITY)

    def end(self):
        pass

    @staticmethod
    def _set(service, soft):
        # The arbiter first, so that what it starts meanwhile has the limit too.
        for process in service.processes() + service.workers():
            try:
                hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (min(soft, hard) if hard != -1 else soft, hard))
            except (OSError, ValueError):
                pass  # it ended
