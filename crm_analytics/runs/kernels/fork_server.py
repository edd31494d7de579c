"""The parent of warm kernels: `python -m crm_analytics.runs.kernels.fork_server SOCKET_NUMBER`.

It imports what every report needs, once, and forks a fresh process for each kernel that is asked for. It
never runs a cell, opens no connection and has one thread: a fork of a process with more could hang.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import crm_analytics

# Libraries that start threads when they are imported, told not to. The kernels get the caller's own values.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
PAID = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "duckdb",
    "ibis",
    "ibis.backends.duckdb",
    "plotly.graph_objects",
    "plotly.io",
    "sklearn.cluster",
    "sklearn.linear_model",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "IPython.core.completer",
    "crm_analytics.tables.customer_base",
)
MESSAGE = 1 << 20  # bytes; one request with its environment


def threads() -> int:
    """Threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def reports() -> list[str]:
    """The packages of all reports, by name alone: `runs` knows none of them."""
    folder = Path(crm_analytics.__file__).with_name("reports")
    return [f"crm_analytics.reports.{place.parent.name}" for place in sorted(folder.glob("*/__init__.py"))]


def pay() -> None:
    """Import what reports need. What cannot be imported is left to the kernel that wants it."""
    for name in (*PAID, *reports()):
        with suppress(Exception):
            importlib.import_module(name)
    with suppress(Exception):
        # Importing duckdb opens a database in memory, with threads; whoever uses it gets a new one.
        sys.modules["duckdb"].default_connection().close()
    gc.collect()
    gc.freeze()  # a collection in a kernel would copy every page of the memory it shares with us


@dataclass
class Parent:
    """Forks kernels until the caller's end of `door` is closed.

    Parameters
    ----------
    door : requests come in here, each with the socket on which its kernel is told of
    lines : by the kernel's process id, that socket
    """

    door: socket.socket
    lines: dict[int, socket.socket] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer until the caller is gone; then leave no kernel behind."""
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to `wake`
        signal.set_wakeup_fd(wake.fileno())
        with selectors.DefaultSelector() as self.selector:
            for end in (self.door, woken):
                self.selector.register(end, selectors.EVENT_READ)
            self.inherited = [self.door, woken, wake]
            while self._listen(woken):
                pass
        for pid in list(self.lines):
            _kill(pid)
            os.waitpid(pid, 0)

    def _listen(self, woken: socket.socket) -> bool:
        for key, _ in self.selector.select():
            if key.fileobj is self.door:
                if not self._answer():
                    return False
            elif key.fileobj is woken:
                with suppress(BlockingIOError):
                    woken.recv(4096)
                self._reap()
            elif key.data in self.lines:  # whatever is said on a kernel's line, silence included, ends it
                self.selector.unregister(key.fileobj)
                _kill(key.data)
        return True

    def _answer(self) -> bool:
        request, passed, _, _ = socket.recv_fds(self.door, MESSAGE, 1)
        if not request or not passed:
            return False
        line = socket.socket(fileno=passed[0])
        asked = json.loads(request)
        pid = -1
        if threads() == 1:  # else a fork is not safe, and the caller starts a cold kernel
            with suppress(OSError):
                pid = os.fork()
        if pid == 0:
            self._become(asked, line)
        if pid == -1:
            line.close()
            return True
        self.lines[pid] = line
        self.selector.register(line, selectors.EVENT_READ, pid)
        _say(line, {"pid": pid})
        return True

    def _reap(self) -> None:
        """Tell how each ended kernel ended, after ending what it had started."""
        while self.lines:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            _kill(pid)  # its group; while it is not waited for, the number cannot become another's
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            line = self.lines.pop(pid)
            with suppress(KeyError):
                self.selector.unregister(line)
            _say(line, {"code": code})
            line.close()

    def _become(self, asked: dict[str, Any], line: socket.socket) -> None:
        """In the forked process: shed all that is the parent's, then be a kernel like a cold one."""
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.selector.close()
            for end in (*self.inherited, *self.lines.values(), line):
                end.close()
            _dress(asked)
            from crm_analytics.runs.kernels import kernel_main

            kernel_main.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(Exception):
                sys.stderr.flush()
            os._exit(code)


def _dress(asked: dict[str, Any]) -> None:
    """Give a forked process what a started one has of its own."""
    for number, name, flags in (
        (1, os.devnull, os.O_WRONLY),
        (2, asked["stderr"], os.O_WRONLY | os.O_APPEND),
    ):
        opened = os.open(name, flags | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.path.insert(0, asked["folder"])
    sys.argv = asked["argv"]
    tempfile.tempdir = None
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # else every kernel would draw the same "random" numbers


def _kill(pid: int) -> None:
    """End a kernel and all it started; it may not lead its group yet."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _say(line: socket.socket, fact: dict[str, Any]) -> None:
    with suppress(OSError):
        line.send(json.dumps(fact).encode())


def main() -> None:
    """Pay the imports, then serve."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # ipykernel reads it when imported: kernels end with us
    pay()
    Parent(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
