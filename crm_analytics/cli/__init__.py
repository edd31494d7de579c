"""The `crm` command. Importing it imports nothing heavy; each command imports what it needs.

Results for machines go to stdout, one JSON line a report; words for people go to stderr.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from crm_analytics import __version__
from crm_analytics.cli.agent_commands import mcp
from crm_analytics.cli.assess_commands import assess
from crm_analytics.cli.board import Board
from crm_analytics.cli.console import (
    YEAR,
    CellBar,
    Finite,
    echo,
    now,
    say,
    show_trace,
    stopped_in_words,
    tell,
    tell_pdf,
)  # fmt: skip
from crm_analytics.cli.data_commands import check, demo, list_reports, map_source
from crm_analytics.cli.identity_commands import identities
from crm_analytics.cli.key_commands import key, reveal
from crm_analytics.cli.mail_commands import mail
from crm_analytics.cli.past_commands import diff, forget, waves
from crm_analytics.cli.people_commands import customer, tokens
from crm_analytics.cli.run_commands import run
from crm_analytics.cli.score_commands import score
from crm_analytics.cli.tables import tell_timings
from crm_analytics.cli.verify_commands import verify
from crm_analytics.cli.where_option import conditions_given, where_option
from crm_analytics.errors import CrmError, ParameterError, in_words, nearest

if TYPE_CHECKING:
    from crm_analytics.runs.plan import RunRequest
    from crm_analytics.runs.publishing.result import RunResult


class Commands(click.Group):
    """A group that offers the nearest command for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name in the message."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            near = nearest(name, known) or f". Known: {', '.join(known)}"
            raise click.UsageError(f"there is no command '{name}'{near}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="crm")
@click.option(
    "--debug", is_flag=True, help="Show Python's own words of a failure (they may hold customers' values)."
)
@click.pass_context
def crm(ctx: click.Context, debug: bool) -> None:
    """Analytical CRM: from customer tables to one HTML page a question.

    \b
    crm demo cdnow                       write demo data to data/cdnow
    crm list --data cdnow                which reports the data are ready for
    crm report segments --data cdnow     make a report, open reports/index.html
    crm map shop.csv                     draft which of your columns is which field
    crm check shop.csv                   look at data of your own
    crm score --data company --to scores.parquet   what the models say of each customer, as rows
    crm run crm.toml                     every report of a schedule, side by side
    """  # noqa: D301 - click wants the character
    from crm_analytics.tables.scratch import sweep

    ctx.obj = {"debug": debug}
    sweep()  # what killed runs left behind holds customers' rows


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command; errors of this package end as words and an exit code, never as a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    rest = [a for a in given if a != "--debug"]
    try:
        code = crm.main(["--debug", *rest] if debug else rest, prog_name="crm", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        say(error.format_message(), "red", error.ctx if isinstance(error, click.UsageError) else None)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        say("stopped")
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the reader of our lines has gone
        sys.exit(0)
    except CrmError as error:
        show_trace(debug, "".join(traceback.format_exception(error)))
        say(str(error), "red")
        sys.exit(error.exit_code)
    except Exception as error:
        show_trace(debug, "".join(traceback.format_exception(error)))
        known = in_words(error)
        say(str(known), "red")
        sys.exit(known.exit_code)


# --- report -------------------------------------------------------------------------------------------------


@crm.command()
@click.argument("names", nargs=-1, metavar="NAME|PATH.ipynb ...")
@click.option("--all", "everything", is_flag=True, help="Every report of the project.")
@click.option(
    "--data", default="", metavar="SOURCE", help="A file, a folder, a URL, or a name such as cdnow."
)
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Which file and column is which table and field."
)
@click.option(
    "--as-of", default="", metavar="DAY", help="The day to look from, such as 1997-09-30; the last one."
)
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="A parameter of the report; repeat it.")
@where_option
@click.option("--slug", metavar="S", help="Folder of this run; the day, and a hash of what differs.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option(
    "--keep", type=click.IntRange(min=1), default=12, show_default=True, help="Runs kept of each slug."
)
@click.option("--limit", "limit_seconds", type=Finite(1, YEAR), metavar="SECONDS", help="Wall time allowed.")
@click.option(
    "--limit-memory",
    "limit_memory_mb",
    type=click.IntRange(min=512),
    metavar="MB",
    help="Memory allowed to the notebook; its libraries alone take 400.",
)
@click.option(
    "--wait",
    type=Finite(0, YEAR),
    default=0,
    metavar="SECONDS",
    help="Wait for another run of the same report instead of ending with 75.",
)
@click.option(
    "--max-rejected",
    type=Finite(0, 1),
    metavar="SHARE",
    help="Share of broken rows, or of their money, above which nothing is made.  [default: what crm.toml "
    "says of the source, else 0.05]",
)
@click.option("--force", is_flag=True, help="Run although nothing has changed.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Reports made side by side; each wants the memory of one.",
)
@click.option("--timings", "timed", is_flag=True, help="Tell where the seconds went.")
@click.option(
    "--pdf", "as_pdf", is_flag=True, help="Print the manager's layer as a PDF, too (needs Chromium)."
)
@click.option("--help-parameters", is_flag=True, help="List the parameters of the reports and stop.")
@click.pass_obj
def report(  # noqa: PLR0917
    obj: dict[str, Any],
    names: tuple[str, ...],
    everything: bool,
    pairs: tuple[str, ...],
    where: tuple[str, ...],
    help_parameters: bool,
    workers: int,
    timed: bool,
    as_pdf: bool,
    **options: Any,
) -> int:
    """Make one or more reports.

    \b
    crm report segments --data cdnow
    crm report segments lifetime_value --data shop.csv --as-of 2026-01-31 -p bins=4
    crm report segments --data company --where country=DE --where country=AT
    crm report ./mine.ipynb --data cdnow
    """  # noqa: D301
    chosen = _chosen(names, everything)
    if help_parameters:
        for name in chosen:
            _list_parameters(name)
        return 0
    from crm_analytics.runs import manager_pdf
    from crm_analytics.runs.report_run import RunRequest, worst
    from crm_analytics.runs.schedule.own_rules import rules_of_source

    if as_pdf:
        manager_pdf.find_browser()  # before anything is made
    moment, parameters, only = now(), _pairs(pairs), conditions_given(where)
    debug = bool(obj and obj["debug"])
    own = rules_of_source(str(options["data"])) if options.get("data") else {}
    requests = [
        RunRequest(name, moment, parameters=parameters, where=only, rules=own, **options) for name in chosen
    ]
    results: list[RunResult] = []
    codes: list[int] = []
    several = workers > 1 and len(requests) > 1
    with closing(_side_by_side(requests, workers) if several else _one_by_one(requests)) as made:
        for result in made:
            show_trace(debug, result.traceback)
            tell(result)
            results.append(result)
            if as_pdf and result.status.good and result.run_folder is not None:
                codes.append(tell_pdf(result.run_folder))
    if timed:
        tell_timings(results)
    return worst([*codes, *(result.exit_code for result in results)])


def _side_by_side(requests: list[RunRequest], workers: int) -> Generator[RunResult]:
    from crm_analytics.runs.workers import Ended, run_side_by_side

    with closing(Board({n: Path(request.report).stem for n, request in enumerate(requests)})) as board:
        for event in run_side_by_side(requests, workers):
            if isinstance(event, Ended):
                board.drop(event.number)
                with board.aside():
                    yield event.result
            else:
                board.show(event)


def _one_by_one(requests: list[RunRequest]) -> Generator[RunResult]:
    from crm_analytics.runs.report_run import run_reports

    with stopped_in_words(), closing(CellBar()) as bar:
        for result in run_reports(requests, bar):
            bar.close()
            yield result


def _chosen(names: tuple[str, ...], everything: bool) -> list[str]:
    if bool(names) == everything:
        raise click.UsageError(
            "name one or more reports, or give --all (and not both)", click.get_current_context()
        )
    if names:
        return list(dict.fromkeys(names))
    from crm_analytics.runs.catalogue.catalogue import read_report, report_files

    found = [name for name, path in report_files().items() if read_report(path).is_report]
    if not found:
        raise ParameterError("there is no report in notebooks/. `crm new NAME` starts one")
    return found


def _pairs(pairs: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise ParameterError(f"-p expects KEY=VALUE, such as -p bins=4; got {pair[:40]!r}")
        if name.strip() in found:
            raise ParameterError(f"-p gives {name.strip()[:40]!r} twice")
        found[name.strip()] = value
    return found


def _list_parameters(name: str) -> None:
    from crm_analytics.runs.catalogue.catalogue import find_report

    found = find_report(name)
    echo(f"{found.name}: {found.title}")
    for p in found.parameters.parameters:
        given = {"data": "--data", "as_of": "--as-of"}.get(p.name, f"-p {p.name}=")
        echo(f"  {given:<20} {p.kind:<10} {p.default!r:<12} {p.help or p.allowed}")


# --- new, index ---------------------------------------------------------------------------------------------


@crm.command()
@click.argument("name")
def new(name: str) -> int:
    """Start a report of your own: NAME.ipynb in this folder."""
    from crm_analytics.runs.catalogue.starter import write_starter

    path = write_starter(name, Path.cwd())
    echo(path)
    say(f"Make it a page: crm report ./{path.name} --data cdnow\nChange it: jupyter lab {path.name}")
    return 0


@crm.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option("--force", is_flag=True, help="Replace an index.html that was not made here.")
def index(out: Path, force: bool) -> int:
    """Write reports/index.html anew and print where it is."""
    from crm_analytics.runs.publishing import published_tree
    from crm_analytics.runs.publishing.index import rebuild
    from crm_analytics.tables.project import project_folder

    folder = out.expanduser().resolve()
    if force:
        published_tree.claim(folder, project_folder())
    echo(rebuild(folder, now().date()))
    return 0


for _command in (
    check, demo, list_reports, map_source, run, diff, forget, waves, assess, key, reveal,
    identities, customer, tokens, verify, mail, score, mcp,
):  # fmt: skip
    crm.add_command(_command)
