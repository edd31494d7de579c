"""Papermill, with an engine that keeps what ran, tells a dead kernel from success, and is quiet."""

from __future__ import annotations

import ast
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_analytics import errors
from crm_analytics.errors import CrmError, NotebookError
from crm_analytics.runs.kernels.kernel import Kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode

ENGINE = "crm"
ADDED_TAGS = {
    "injected-parameters",
    "papermill-error-cell-tag",
}  # cells that are papermill's, not the author's

Progress = Callable[[int, int], None]

# How Python, NumPy, Arrow and DuckDB call it when a limit on memory is reached before the system kills.
OUT_OF_MEMORY = {"MemoryError", "_ArrayMemoryError", "ArrowMemoryError", "OutOfMemoryException"}

# Asked of the kernel after a failure: a class of ours, or one of the same name from elsewhere (pandas and
# DuckDB have a DataError too, whose text holds customers' values)? Its words are told only where this package
# wrote them: a cell that raises our class may have put customers' values into them.
_OURS = (
    "(lambda e, ours, walk: [e.exit_code, type(e).__name__, str(e) if "
    "[f for f, _ in walk(e.__traceback__)][-1].f_globals.get('__name__', '').startswith('crm_analytics.') "
    "else ''] if isinstance(e, ours.CrmError) else None)(getattr(__import__('sys'), 'last_value', None), "
    "__import__('crm_analytics.errors').errors, __import__('traceback').walk_tb)"
)


@dataclass
class Run:
    """What one execution needs and leaves behind.

    Parameters
    ----------
    kernel : started, alone for this run
    limit_seconds : wall time that was allowed; None for no limit
    seconds_left : of it, for all cells together; None for all of it
    progress : called with (cells done, cells in all) after each cell
    meanwhile : called once in a thread when the cells begin: something useful while we wait for them
    executed : afterwards the notebook as far as it ran, also after a failure
    traceback : afterwards the Python traceback of a failed cell, for the person who debugs; it may show
        customers' values and is never published
    """

    kernel: Kernel
    limit_seconds: float | None = None
    seconds_left: float | None = None
    progress: Progress | None = None
    meanwhile: Callable[[], None] | None = None
    executed: NotebookNode | None = None
    failure: CrmError | None = None
    kind: str = ""  # of a failed cell's error; without memory its output may be lost, this is not
    traceback: str = ""
    done: int = field(default=0)


def execute(notebook: NotebookNode, parameters: Mapping[str, Any], run: Run) -> NotebookNode:
    """Run a notebook with parameters in a kernel.

    Parameters
    ----------
    notebook : is not changed
    parameters : checked already; texts, numbers, booleans and lists of texts by identifier
    run : the kernel and the limits; holds the executed notebook afterwards

    Returns
    -------
    the executed notebook

    Raises
    ------
    LimitError : the time or the memory ran out, or the kernel died.
    NotebookError : a cell failed; the message names the cell and the kind of error, no values.
    CrmError : a cell raised one; it keeps its class, message and exit code.
    """
    papermill = _papermill()
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    run.kernel.settle()
    run.kernel.limit(run.limit_seconds if run.seconds_left is None else run.seconds_left)
    try:
        with _quiet():
            executed = papermill.execute_notebook(
                notebook,
                None,
                parameters=dict(parameters),
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                run=run,
            )
    except PapermillExecutionError as error:
        run.traceback = "\n".join(error.traceback)
        kind = run.kind or error.ename
        if run.failure is None and kind in OUT_OF_MEMORY:
            raise run.kernel.out_of_memory(kind.lstrip("_")) from None
        raise _in_words(run.failure, _failed_cell(run.executed, kind)) from None
    except (DeadKernelError, TimeoutError, RuntimeError) as error:
        # papermill's own record says "completed" for every cell now; only this exception tells
        if type(error) is RuntimeError and "ernel" not in str(error):
            raise
        raise run.kernel.why_dead(run.limit_seconds) from None
    return _whole(executed)


def _whole(executed: NotebookNode) -> NotebookNode:
    """The notebook, if each of its code cells ran: a cell may end the kernel's work without an error."""
    for number, cell in enumerate(own_cells(executed), start=1):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            raise NotebookError(f"cell {number} did not run: a cell before it ended the notebook early")
    return executed


def own_cells(executed: NotebookNode) -> list[NotebookNode]:
    """The author's cells of an executed notebook, without those that papermill put between them."""
    return [c for c in executed.cells if ADDED_TAGS.isdisjoint(c.metadata.get("tags", []))]


def _failed_cell(executed: NotebookNode | None, kind: str) -> NotebookError:
    """Which cell failed, under which heading, with what kind of error; never with which values."""
    heading, number = "", 0
    for number, cell in enumerate(own_cells(executed) if executed else [], start=1):  # noqa: B007
        if cell.cell_type == "markdown":
            titles = [line for line in cell.source.splitlines() if line.startswith("#")]
            heading = titles[-1].lstrip("# ").strip() if titles else heading
        elif any(o.output_type == "error" for o in cell.outputs):
            break
    under = f" (“{heading[:80]}”)" if heading else ""
    return NotebookError(
        f"cell {number}{under} failed with {kind[:60]}. Open the notebook in JupyterLab and run it to that "
        "cell, or run the report with --debug to see the traceback"
    )


def _in_words(ours: CrmError | None, of_any: NotebookError) -> CrmError:
    """An error of this package in its own words, else its class and exit code with what is said of any."""
    if ours is None or str(ours):
        return ours or of_any
    same = type(ours)(str(of_any))
    same.exit_code = ours.exit_code
    return same


def _as_ours(found: object) -> CrmError | None:
    """The error of this package that a kernel told of, with its own class and exit code."""
    if not (isinstance(found, list) and len(found) == 3):
        return None
    code, name, message = found
    kind = getattr(errors, str(name), NotebookError)
    error: CrmError = errors.DataError(message) if kind is errors.NotEnoughData else kind(str(message))
    error.exit_code = int(code)
    return error


@contextmanager
def _quiet() -> Iterator[None]:
    """Papermill and nbclient log what we say better, and nbclient's log would show values."""
    log = logging.getLogger("papermill")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def import_notebook_tools() -> None:
    """Import nbformat without the 1.3 s in which one of its checkers compiles a grammar nobody asks for.

    nbformat imports jsonschema, which imports rfc3987_syntax if it can, only to check the format `iri`;
    notebooks have no such field.
    """
    name = "rfc3987_syntax"
    hidden = name not in sys.modules and "jsonschema" not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # "cannot be imported", for a moment
    try:
        import nbformat  # noqa: F401
    finally:
        if hidden:
            del sys.modules[name]


def import_papermill() -> None:
    """Import papermill, which costs a second; a process that others are forked from does it for them."""
    import_notebook_tools()
    import papermill
    import papermill.clientwrap  # noqa: F401


def _papermill() -> Any:
    """Papermill with our engine registered."""
    import_papermill()
    import papermill
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

    class ReportEngine(Engine):
        """Runs in the kernel that the run brings, and leaves the executed node in it."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, run: Run, **_: Any) -> None:
            run.executed = nb_man.nb
            total = sum(c.cell_type == "code" for c in nb_man.nb.cells)

            def on_start(**_: Any) -> None:
                if run.meanwhile is not None:
                    threading.Thread(target=run.meanwhile, daemon=True).start()

            def on_executed(**_: Any) -> None:
                run.done += 1
                if run.progress is not None:
                    run.progress(run.done, total)

            async def on_error(execute_reply: Mapping[str, Any], **_: Any) -> None:
                run.kind = execute_reply["content"].get("ename", "")
                if hasattr(errors, run.kind):
                    run.failure = _as_ours(await _ask(client, _OURS))

            client = PapermillNotebookClient(
                nb_man,
                km=run.kernel.manager,
                kernel_name=kernel_name,
                timeout=None,
                startup_timeout=120,
                iopub_timeout=60,
                log=logging.getLogger("papermill"),
                on_notebook_start=on_start,
                on_cell_executed=on_executed,
                on_cell_error=on_error,
            )
            try:
                client.execute()
            finally:
                if client.kc is not None:
                    client.kc.stop_channels()

    if ENGINE not in papermill_engines._engines:
        papermill_engines.register(ENGINE, ReportEngine)
    return papermill


async def _ask(client: Any, expression: str) -> object:
    """The value of an expression in the kernel, from its repr; None where there is no answer."""
    message = client.kc.execute("", silent=True, store_history=False, user_expressions={"asked": expression})
    reply = await client.async_wait_for_reply(message)
    answer = ((reply or {}).get("content", {}).get("user_expressions") or {}).get("asked", {})
    try:
        return ast.literal_eval(answer.get("data", {}).get("text/plain", "None"))
    except (SyntaxError, ValueError):
        return None
