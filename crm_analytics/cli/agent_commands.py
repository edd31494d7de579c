"""`crm mcp`: what the published pages say, for assistants that speak the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.runs.answers import Answers

_ABOUT = (
    "Figures of a company's customers, as its published reports say them. Ask `figures` for the names first. "
    "An answer has the value, its 95 % interval and number of cases where there are such, the day, the "
    "method and the page. A refusal says why; do not guess a number in its place."
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def mcp(out: Path) -> int:
    """Answer an assistant's questions from the published pages, over standard input and output.

    Read-only: reports, figures, segments, tables, actions and words. Customers are never named. Needs the
    extra mcp.
    """
    server(answers(out)).run("stdio")
    return 0


def answers(out: Path) -> Answers:
    """What a folder of reports answers, with the words of its pages."""
    from crm_analytics.analyses.definitions import WORDS
    from crm_analytics.reports.shared import spoken
    from crm_analytics.runs.answers import Answers

    folder = out.expanduser().resolve()
    t, known = spoken.catalogue("en", spoken.__file__, ""), Answers(folder)
    slots = {f"{name}_days": known.figure(f"{name}_days").get("value") for name in ("at_risk", "lapsed")}
    meanings = {name: spoken.meaning(t, name, slots) for name in WORDS}
    return Answers(folder, meanings)


def server(found: Answers) -> Any:
    """The server, with one tool for each kind of question.

    Raises
    ------
    ParameterError : the extra is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.types import ToolAnnotations
    except ImportError:
        raise ParameterError(
            "crm mcp needs the package mcp: python -m pip install 'crm-analytics[mcp]'"
        ) from None
    made = MCPServer("crm-analytics", instructions=_ABOUT, log_level="ERROR")
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (
        found.reports, found.figures, found.figure, found.group, found.tables, found.table, found.actions,
        found.explain,
    ):  # fmt: skip
        made.tool(annotations=reads)(tool)
    return made
