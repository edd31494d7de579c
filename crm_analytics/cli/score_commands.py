"""`crm score`: what the models say of each customer, written to a warehouse or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from crm_analytics.cli.console import now, show_trace, stopped_in_words, tell
from crm_analytics.cli.where_option import conditions_given, where_option


@click.command()
@click.option("--data", required=True, metavar="SOURCE", help="A file, a folder, a URL, or a name.")
@click.option(
    "--to", "target", required=True, metavar="PLACE",
    help="scores.parquet, shop.duckdb::table, shop.sqlite::table, postgres://...::schema.table, "
    "$DATABASE_URL::table, or ::table in the source itself.",
)  # fmt: skip
@click.option(
    "--what", type=click.Choice(["scores", "kpis", "lists"]), default="scores", show_default=True,
    help="A row per customer, per key figure, or per customer on a contact list.",
)  # fmt: skip
@click.option("--name", "names", multiple=True, metavar="NAME", help="A key figure or list; repeat it.")
@click.option("--mapping", type=click.Path(path_type=Path))
@click.option("--as-of", default="", metavar="DAY", help="The day to look from; the last one.")
@where_option
@click.option("--pseudonyms", is_flag=True, help="Pseudonyms in place of the ids of the source.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
    help="Where it is known who is who, who was forgotten, and where scores were written.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write although nothing has changed.")
@click.pass_obj
def score(obj: dict[str, Any], where: tuple[str, ...], **given: Any) -> int:
    """Write scores of every customer: segment, stage, value to come, chance to leave, what to do next.

    \b
    crm score --data company --to scores.parquet
    crm score --data company --to shop.duckdb::marts.scores --as-of 2025-11-30
    crm score --data company --to $DATABASE_URL::marts.kpis --what kpis

    Each day keeps its own rows. Writing a day again replaces its rows, all or none.
    """  # noqa: D301
    from crm_analytics.runs.schedule.score_jobs import request_of
    from crm_analytics.runs.score_run import decide_scores, write_scores

    request = request_of(now=now(), where=conditions_given(where), **given)
    decision = decide_scores(request)
    with stopped_in_words():
        result = decision.result or write_scores(decision)
    show_trace(bool(obj and obj["debug"]), result.traceback)
    tell(result)
    return result.exit_code
