"""Warm kernels: processes forked from one that has paid the imports.

A kernel of its own for every report costs two seconds of imports each. Here one process imports once and
every kernel is a fork of it: fresh, alone, and gone after its report like a cold one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import crm_analytics
from crm_analytics.runs.kernels.fork_server import MESSAGE, ONE_THREAD

COLD_VARIABLE = "CRM_COLD"


def search_path() -> str:
    """PYTHONPATH for a process of ours: it must find this very package, from any folder."""
    package = Path(crm_analytics.__file__).resolve().parent.parent
    paths = [os.environ.get("PYTHONPATH", "")]
    if package.name not in ("site-packages", "dist-packages"):
        paths.insert(0, str(package))
    return os.pathsep.join(p for p in paths if p)


class WarmKernels:
    """Starts kernels by forking; a context manager that leaves no process behind.

    Where it cannot work (not on Linux, ``CRM_COLD=1``, any trouble at the start) `start` gives None and a
    cold kernel does the same work. Many threads may start kernels at once.

    >>> import os
    >>> os.environ["CRM_COLD"] = "1"
    >>> with WarmKernels() as warm:
    ...     print(warm.start([], {}, "/tmp", "/dev/null"))
    None
    >>> del os.environ["CRM_COLD"]
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    @classmethod
    def sharing(cls, door: socket.socket) -> WarmKernels:
        """Kernels from a parent that another process of ours started and will stop, by its `door`."""
        shared = cls()
        shared._door = door
        return shared

    @property
    def door(self) -> socket.socket | None:
        """Where kernels are asked for, also by other processes; None where there are only cold ones."""
        return self._door

    def __enter__(self) -> WarmKernels:
        if sys.platform == "linux" and not os.environ.get(COLD_VARIABLE):
            with suppress(OSError):
                self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "crm_analytics.runs.kernels.fork_server", str(theirs.fileno())],
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": search_path(), "PYTHONHASHSEED": "0"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the caller, who then stops us
            )
        self._door = ours

    def start(
        self, argv: list[str], environment: Mapping[str, str], folder: str, errors: str
    ) -> WarmProcess | None:
        """Ask for a kernel; it gets ready by itself. None where only a cold one can be had.

        Parameters
        ----------
        argv : of `kernel_main`
        environment : all of it
        folder : to work in
        errors : file for what is said on stderr
        """
        if self._door is None:
            return None
        asked = {"argv": argv, "environment": dict(environment), "folder": folder, "stderr": errors}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._door, [json.dumps(asked).encode()], [theirs.fileno()])
            except (OSError, ValueError):
                ours.close()
                return None
        return WarmProcess(ours)

    def stop(self) -> None:
        """End the parent, which ends its kernels; twice is fine."""
        if self._door is not None:
            self._door.close()
            self._door = None
        if self.process is not None:
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:  # its imports are not through yet
                self.process.kill()
                self.process.wait()


class WarmProcess:
    """A forked kernel, with the manners of `subprocess.Popen` as far as Jupyter asks for them."""

    stdin = stdout = stderr = None

    def __init__(self, line: socket.socket) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._line: socket.socket | None = line

    def settled(self, seconds: float = 60) -> bool:
        """Wait until the process is there; False where it never will be."""
        until = time.monotonic() + seconds
        while not self.pid and self.returncode is None and time.monotonic() < until:
            self._hear(max(until - time.monotonic(), 0.001))
        return bool(self.pid)

    def _hear(self, seconds: float) -> None:
        """Take in what the parent says of the process; its silence for ever means that both are gone."""
        if self._line is None:
            return
        self._line.settimeout(seconds)
        try:
            message = self._line.recv(4096)
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            message = b""
        fact: dict[str, Any] = json.loads(message) if message else {"code": -signal.SIGKILL}
        self.pid = fact.get("pid", self.pid)
        if "pid" not in fact:
            self.returncode = fact.get("code", 1)
            self._line.close()
            self._line = None
            if not message and self.pid:
                self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self._hear(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        until = time.monotonic() + (timeout if timeout is not None else 1e9)
        while self.returncode is None:
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self._hear(min(max(until - time.monotonic(), 0.001), 60))
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To the process and all it started."""
        if self.poll() is None and self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """End the process and all it started: the parent does it, who knows that it is still it."""
        if self._line is not None and self.pid:
            with suppress(OSError):
                self._line.send(b"end")
            with suppress(subprocess.TimeoutExpired):
                self.wait(5)
        if self._line is not None:  # the parent still imports: it will find the line closed; or it hangs
            self._line.close()
            self._line = None
            self.returncode = -signal.SIGKILL
            if self.pid:
                self._kill_group()

    terminate = kill
