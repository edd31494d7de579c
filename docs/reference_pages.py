"""Reference pages that are read off the package: names, tables, figures, commands, exit codes."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import click

FACADES = (
    "rfm", "btyd", "churn", "cohorts", "lifecycle", "journey", "attribution", "products", "campaigns",
    "audit", "portfolio", "profiling", "calendar", "service", "voice", "social", "referral", "identity",
    "partners", "collaboration", "equity", "scorecards",
)  # fmt: skip


def write_reference(folder: Path) -> None:
    """Write every page anew; a page that has not changed is left alone, so that nothing is built twice."""
    pages = {"commands": commands(), "tables": tables(), "figures": figures(), "exit-codes": exit_codes()}
    pages["exports"] = exports()
    pages |= {f"api-{name}": facade(name) for name in FACADES}
    pages["api-base"] = "# CustomerBase\n\n" + _rst(
        "autoclass", "crm_analytics.tables.customer_base.CustomerBase"
    )
    names = ["api-base", *(f"api-{name}" for name in FACADES)]
    pages["index"] = "\n".join(
        ["# Reference", "", "```{toctree}", ":maxdepth: 1", "", "commands", "tables", "figures", "exit-codes",
         *names, "```", ""]
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def facade(name: str) -> str:
    """Every public name of one analysis."""
    module = importlib.import_module(f"crm_analytics.analyses.{name}")
    lines = [f"# analyses.{name}", "", inspect.getdoc(module) or "", ""]
    for public in sorted(module.__all__):
        thing = getattr(module, public)
        where = f"{getattr(thing, '__module__', module.__name__)}.{getattr(thing, '__qualname__', public)}"
        if inspect.isclass(thing):
            lines.append(_rst("autoclass", where))
        elif inspect.isfunction(thing):
            lines.append(_rst("autofunction", where))
    return "\n".join(lines)


def _rst(directive: str, name: str) -> str:
    return f"```{{eval-rst}}\n.. {directive}:: {name}\n```\n"


def tables() -> str:
    """The contract: each table, its key, its time, its columns."""
    from crm_analytics.tables.contract import TABLES

    lines = ["# Tables", "", "Only `transactions` is required. `*` marks a required column.", ""]
    for table in TABLES.values():
        lines += [f"## {table.name}", ""]
        if table.key:
            lines += [f"Key: {', '.join(f'`{k}`' for k in table.key)}.", ""]
        lines += ["| column | type | known |", "|---|---|---|"]
        for column in table.columns:
            known = "state of today" if column.current_state else ""
            known = f"from `{column.known_from}` on" if column.known_from else known
            lines.append(f"| `{column.name}`{' *' if column.required else ''} | {column.type} | {known} |")
        lines.append("")
    return "\n".join(lines)


def figures() -> str:
    """Every key figure with what it is."""
    from crm_analytics.analyses.kpis import REGISTRY

    lines = ["# Key figures", "", "One function each; every page takes them from there.", "",
             "| figure | what it is |", "|---|---|"]  # fmt: skip
    for name, make in sorted(REGISTRY.items()):
        first = (inspect.getdoc(make) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{name}` | {first} |")
    return "\n".join([*lines, ""])


def exports() -> str:
    """The exports that `crm map` knows, and which of their columns is which field."""
    from crm_analytics.tables.export_kinds import EXPORTS

    lines = ["# Exports of known systems", "", "`crm map FILE` knows these by their columns and drafts the "
             "`mapping.toml`; then `crm check FILE` shows how each column is read.", ""]  # fmt: skip
    for kind in EXPORTS:
        lines += [
            f"## {kind.name}",
            "",
            f"Table `{kind.table}`. {kind.note}".strip(),
            "",
            "| field | column |",
            "|---|---|",
        ]
        lines += [
            f"| `{name}` | {' or '.join(f'`{c}`' for c in columns)} |"
            for name, columns in kind.fields.items()
        ]
        lines.append("")
    return "\n".join(lines)


def commands() -> str:
    """Every command as `--help` says it."""
    from crm_analytics.cli import crm

    lines = ["# Commands", ""]
    for name, command in sorted(crm.commands.items()):
        context = click.Context(command, info_name=f"crm {name}", max_content_width=100, terminal_width=100)
        lines += [f"## crm {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def exit_codes() -> str:
    """What a scheduler sees."""
    from crm_analytics import errors

    lines = [
        "# Exit codes",
        "",
        "| code | error | when |",
        "|---:|---|---|",
        "| 0 | | done, unchanged or thin |",
    ]
    for name, kind in sorted(vars(errors).items(), key=lambda pair: getattr(pair[1], "exit_code", 0)):
        if inspect.isclass(kind) and issubclass(kind, errors.CrmError):
            first = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
            lines.append(f"| {kind.exit_code} | `{name}` | {first} |")
    return "\n".join([*lines, "", "Worst of many: 0 < 75 < 2 < 3 < 6 < 4 < 5.", ""])
