"""The kernel of one run: a process of its own, spoken to over private sockets."""

from __future__ import annotations

import ast
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import LimitError
from crm_analytics.runs.kernels.kernel_main import PRELOAD_VARIABLE
from crm_analytics.runs.kernels.warm_kernels import WarmKernels, WarmProcess, search_path
from crm_analytics.tables import scratch
from crm_analytics.tables.project import MEMORY_VARIABLE, PROJECT_VARIABLE

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

SOCKET_PATH_LIMIT = 80  # the system allows about 104 characters, "-1" to "-5" and a name included
PREFIX, WORKERS_PREFIX = scratch.RUN_PREFIX, scratch.WORKERS_PREFIX

# Worth importing early wherever a notebook imports them; anything else is left to its cell.
HEAVY = {
    "crm_analytics",
    "duckdb",
    "ibis",
    "numpy",
    "pandas",
    "plotly",
    "polars",
    "pyarrow",
    "scipy",
    "sklearn",
}


def private_folder(prefix: str = PREFIX) -> Path:
    """A new folder that only we can enter, with a path short enough for sockets.

    Folders of runs that were killed before they could clean up hold customers' rows: they go first.
    """
    places = [Path(tempfile.gettempdir())]
    if len(str(places[0])) > SOCKET_PATH_LIMIT - 40:
        places.insert(0, Path("/tmp"))  # noqa: S108 - mkdtemp makes it private
    scratch.sweep(places)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=places[0]))


def imports_of(notebook: Mapping[str, Any]) -> list[str]:
    r"""Heavy modules that the notebook's cells import: ``["pandas", "crm_analytics:CustomerBase"]``.

    >>> cell = {"cell_type": "code", "source": "import pandas as pd\nfrom crm_analytics.pages import blocks"}
    >>> imports_of({"cells": [cell]})
    ['pandas', 'crm_analytics.pages:blocks']
    """
    found: dict[str, None] = {}
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") != "code":
            continue
        try:
            tree = ast.parse("".join(cell.get("source", "")))
        except (SyntaxError, ValueError):
            continue  # a magic, or a mistake that the run will show
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {a.name: None for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {f"{node.module}:{a.name}": None for a in node.names}
    return [name for name in found if name.replace(":", ".").split(".")[0] in HEAVY and ":*" not in name]


class Kernel:
    """A started kernel process; use as a context manager.

    Parameters
    ----------
    folder : a private, empty folder with a short path: connection file, sockets and whatever the cells
        write without saying where
    preload : what to import while nobody waits, see `imports_of`
    project : the project's folder, told to the cells by an environment variable
    limit_memory_mb : megabytes of data that the process may hold, the 400 of the libraries included; None
        for no limit
    warm : forks the process from one that has the imports; None, or any trouble there, for a cold start

    The process starts at once and gets ready by itself; nothing waits for it here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        preload: Iterable[str] = (),
        project: Path | None = None,
        limit_memory_mb: int | None = None,
        warm: WarmKernels | None = None,
    ) -> None:
        self.folder = folder
        self.limit_memory_mb = limit_memory_mb
        self.expired = False
        self._timer: threading.Timer | None = None
        self._environment = _environment(folder, preload, project, limit_memory_mb)
        self.manager = _start(folder, self._environment, warm)

    def settle(self) -> None:
        """Make sure that there is a process: a cold one where the warm one could not be had."""
        if isinstance(self._process, WarmProcess) and not self._process.settled():
            self.stop()
            self.manager = _start(self.folder, self._environment, None)

    @property
    def is_warm(self) -> bool:
        """Whether the process was forked from one with the imports."""
        return isinstance(self._process, WarmProcess)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def limit(self, seconds: float | None) -> None:
        """Kill the process, whatever it does, `seconds` from now."""
        if seconds is not None:
            self._timer = threading.Timer(seconds, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        self.expired = True
        self._kill()

    def why_dead(self, seconds: float | None) -> LimitError:
        """What is known of a process that answers no more."""
        if self.expired:
            return LimitError(
                f"the notebook did not finish within {seconds:g} seconds. "
                "Allow more time, or give it less data"
            )
        code = getattr(self._process, "returncode", None)
        if code is None and self._process is not None:
            with suppress(Exception):
                code = self._process.wait(timeout=2)
        how = f" (signal {-code})" if isinstance(code, int) and code < 0 else ""
        if self.limit_memory_mb is not None:
            return LimitError(
                f"the notebook's process ended before its time{how}; most often it needed more than the "
                f"{self.limit_memory_mb} MB of memory it may have. Allow more, or give it less data"
            )
        return LimitError(
            f"the notebook's process ended before its time{how}; most often the machine ran out of memory. "
            "Give it more memory or less data, and look into the system's log"
        )

    def out_of_memory(self, kind: str) -> LimitError:
        """What to say of a cell that asked for memory in vain."""
        most = f"the {self.limit_memory_mb} MB that it may have" if self.limit_memory_mb else "it may have"
        return LimitError(
            f"the notebook needed more memory than {most} ({kind}). Give it more memory or less data"
        )

    @property
    def _process(self) -> Any:
        return getattr(self.manager.provisioner, "process", None)

    def _kill(self) -> None:
        """End the process and all it started; it leads a process group of its own."""
        process = self._process
        if process is None:
            return
        if isinstance(process, WarmProcess):
            process.kill()
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(Exception):
            process.wait(timeout=5)

    def stop(self) -> None:
        """End the process and close the sockets; twice is fine."""
        if self._timer is not None:
            self._timer.cancel()
        self._kill()
        with suppress(Exception):
            self.manager.cleanup_ipc_files()
            self.manager.cleanup_connection_file()
            self.manager.context.destroy(linger=0)

    def complaints(self) -> str:
        """What the process said on stderr: for the person who debugs, never for a page."""
        with suppress(OSError):
            return (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")
        return ""


def _start(folder: Path, environment: dict[str, str], warm: WarmKernels | None) -> AsyncKernelManager:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync

    manager = AsyncKernelManager(
        transport="ipc", connection_file=str(folder / "k.json"), ip=str(folder / "k")
    )
    # Our own interpreter, whatever kernels are installed for this user: the report must not run in another.
    command = [sys.executable, "-m", "crm_analytics.runs.kernels.kernel_main", "-f", "{connection_file}"]
    command += ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=ERROR"]
    manager._kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")
    if warm is not None:
        manager.provisioner = _provisioner(manager, warm, str(folder / "stderr"))
    work = folder / "work"
    for place in (work, folder / "tmp"):  # what libraries write is not in the cells' own folder
        place.mkdir(exist_ok=True)
    with (folder / "stderr").open("wb") as errors, open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        run_sync(manager.start_kernel)(cwd=str(work), env=environment, stdout=nowhere, stderr=errors)
    return manager


def _provisioner(manager: AsyncKernelManager, warm: WarmKernels, errors: str) -> Any:
    """Jupyter's own starter of processes, which asks for a warm one first."""
    from jupyter_client.provisioning import LocalProvisioner

    class WarmProvisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            process = warm.start(cmd[2:], kwargs["env"], kwargs["cwd"], errors)
            if process is None:
                return await super().launch_kernel(cmd, **kwargs)
            self.process, self.cwd = process, kwargs["cwd"]  # type: ignore[assignment]
            return self.connection_info

    return WarmProvisioner(kernel_id="report", kernel_spec=manager._kernel_spec, parent=manager)


def _environment(
    folder: Path, preload: Iterable[str], project: Path | None, limit_memory_mb: int | None
) -> dict[str, str]:
    own = {
        "CRM_DISPLAY": "page",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": search_path(),
        "IPYTHONDIR": str(folder / "ipython"),  # nobody's start-up files change a report
        "TMPDIR": str(folder / "tmp"),
        "MPLBACKEND": "Agg",
        PRELOAD_VARIABLE: ",".join(preload),
        MEMORY_VARIABLE: str(limit_memory_mb or ""),
    }
    if project is not None:
        own[PROJECT_VARIABLE] = str(project)
    return {**os.environ, **own}
