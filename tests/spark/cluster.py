"""A Spark standalone cluster on loopback: a master and two workers, each a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # of a Java that lives for seconds
_PATIENCE = 300  # seconds, on a machine that does much else
_MASTER, _WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
_UP = {
    _MASTER: r"Starting Spark master at (spark://[\d.]+:\d+)",
    _WORKER: r"Successfully registered with master (spark://\S+)",
}


@dataclass(frozen=True)
class Cluster:
    """Where the master listens, and the process ids of its workers."""

    master: str
    workers: tuple[int, ...]


@contextmanager
def standalone(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start them, each on a port that is free, and end them by their process ids."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        first, master = _start(_MASTER, ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"], folder)
        started.append(first)
        address = _wait(first, master, _MASTER)
        options = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "600m"]
        logs = []
        for number in range(workers):
            place = folder / f"worker-{number}"
            process, log = _start(_WORKER, [*options, "--work-dir", str(place), address], folder, number)
            started.append(process)
            logs.append(log)
        for process, log in zip(started[1:], logs, strict=True):
            _wait(process, log, _WORKER)
        yield Cluster(address, tuple(process.pid for process in started[1:]))
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def kill(pid: int) -> None:
    """As when the machine of a worker is gone: its executors, of the same group of processes, end with it."""
    os.killpg(pid, signal.SIGKILL)


def _start(
    name: str, options: list[str], folder: Path, number: int = 0
) -> tuple[subprocess.Popen[bytes], Path]:
    import pyspark

    home = Path(pyspark.__file__).parent
    log = folder / f"{name.rsplit('.', 1)[1]}-{number}.log"
    told = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "128m",
        "SPARK_DAEMON_JAVA_OPTS": BRIEF,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
    }
    with log.open("wb") as file:  # spark-class puts Java in its own place: the id is that of the daemon
        command = [str(home / "bin" / "spark-class"), name, *options]
        process = subprocess.Popen(
            command,
            env=told,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    return process, log


def _wait(process: subprocess.Popen[bytes], log: Path, name: str) -> str:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        text = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(_UP[name], text)
        if found is not None:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
