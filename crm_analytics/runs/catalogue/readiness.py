"""Which reports there are, what each asks and needs, and whether a base is ready for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_analytics.runs.catalogue.catalogue import Report, read_report, report_files

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


@dataclass(frozen=True)
class Listed:
    """A report as `crm list` shows it.

    status : "ready", "thin" (it will take its small form), "missing" (a table or column is not there), or
        empty where no data were given or the notebook is a tutorial
    """

    name: str
    title: str
    question: str
    needs: str
    status: str
    next_step: str


def listing(base: CustomerBase | None = None, source: str = "SOURCE") -> list[Listed]:
    """Every notebook of the project and the package, in reading order.

    Parameters
    ----------
    base : the data to hold the needs against, or None
    source : what the user calls them, for the next step
    """
    buyers = None
    if base is not None:
        history = base.purchase_history
        buyers = int(history.filter(history.order_count > 0).count().to_pyarrow().as_py())
    found = []
    for path in report_files().values():
        report = read_report(path)
        about = report.notebook.get("metadata", {}).get("crm", {})
        needs = {str(table): tuple(columns) for table, columns in about.get("needs", {}).items()}
        wanted = "; ".join(f"{table} ({', '.join(columns)})" for table, columns in needs.items())
        status, step = "", f"crm report {report.name} --data {source or 'SOURCE'}"
        if not report.is_report:
            step = "a tutorial: open it with `make lab`"
        elif base is not None and buyers is not None:
            begins = int(about.get("from_customers", 0))
            status, step = _readiness(step, _missing(needs, base), begins, buyers)
        found.append(Listed(report.name, report.title, _question(report, about), wanted, status, step))
    return found


def _question(report: Report, about: dict[str, Any]) -> str:
    """What the notebook says of itself, or its first paragraph."""
    if about.get("question"):
        return str(about["question"])
    for cell in report.notebook["cells"]:
        if cell.get("cell_type") == "markdown":
            parts = "".join(cell.get("source", "")).split("\n\n")
            return next((p.strip().replace("\n", " ") for p in parts if not p.startswith("#")), "")
    return ""


def _missing(needs: dict[str, tuple[str, ...]], base: CustomerBase) -> list[str]:
    have = {name: set(table.columns) for name, table in base.tables.items()}
    tables = [table for table in needs if table not in have]
    return tables + [
        f"{t}.{c}" for t, columns in needs.items() if t in have for c in columns if c not in have[t]
    ]


def _readiness(command: str, missing: list[str], begins: int, buyers: int) -> tuple[str, str]:
    if missing:
        return "missing", f"bring {', '.join(missing)}, or name it in mapping.toml"
    if buyers < begins:
        return (
            "thin",
            f"{command}  (its small form: the full one begins at {begins} customers, here are {buyers})",
        )
    return "ready", command
