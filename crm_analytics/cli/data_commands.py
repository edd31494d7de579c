"""The commands about data: write demo data, look at a source, say which reports it is ready for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.console import echo, now, say
from crm_analytics.cli.tables import tell_table
from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    from crm_analytics.tables.inspection import Inspection

_MAPPING = click.option(
    "--mapping", type=click.Path(path_type=Path), help="Which file and column is which table and field."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.command()
@click.argument("name", required=False)
@click.option("--customers", type=int, help="Of the company; 5000 unless told.")
@click.option("--years", type=int, help="Of the company's history; 3 unless told.")
@click.option("--seed", type=int, help="Another company of the same kind.")
@click.option(
    "--dirty", is_flag=True, help="The company's transactions with broken, repeated and future rows."
)
@click.option("--force", is_flag=True, help="Replace files of your own in that folder.")
def demo(name: str | None, force: bool, **asked: int | bool | None) -> int:
    """Write demo data to data/NAME: company, cdnow, cdnow-master or lemonade. Without NAME: what there is.

    \b
    crm demo company
    crm demo company --customers 100000 --dirty
    """  # noqa: D301
    from crm_analytics.tables.demo import DEMOS, write_demo
    from crm_analytics.tables.project import project_folder

    if name is None:
        tell_table(("demo", "what it is"), list(DEMOS.items()))
        return 0
    if name not in DEMOS:
        known = ", ".join(DEMOS)
        raise ParameterError(f"there is no demo '{name}'{nearest(name, DEMOS) or '.'} Known: {known}")
    options = {option: value for option, value in asked.items() if value not in (None, False)}
    if options and name != "company":
        raise ParameterError(f"--{next(iter(options))} is for the company; '{name}' is as it is")
    echo(write_demo(name, project_folder() / "data", force=force, **options))
    say(f"{DEMOS[name]}\nNext: crm list --data {name}")
    return 0


@click.command()
@click.argument("source")
@_MAPPING
@click.option(
    "--max-rejected",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of broken rows above which to fail; reports stop above 0.05.",
)
@_JSON
def check(source: str, mapping: Path | None, max_rejected: float, as_json: bool) -> int:
    """Look at a source: rows, broken rows, age, and how complete each field is.

    \b
    crm check shop.csv
    crm check data/shop --mapping mapping.toml
    """  # noqa: D301
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.inspection import inspect

    today = now().date()
    base = CustomerBase.open(source, mapping=mapping, today=today, max_rejected=max_rejected)
    seen = inspect(base, today)
    if as_json:
        echo(_as_json(seen))
    else:
        _tell(seen)
    return 0


@click.command(name="list")
@click.option("--data", default="", metavar="SOURCE", help="Say which reports these data are ready for.")
@_MAPPING
@_JSON
def list_reports(data: str, mapping: Path | None, as_json: bool) -> int:
    """List the reports: the question each answers, the tables it needs, whether the data are ready."""
    from crm_analytics.runs.catalogue.readiness import listing

    base = None
    if data:
        from crm_analytics.tables.customer_base import CustomerBase

        base = CustomerBase.open(data, mapping=mapping, today=now().date())
    found = listing(base, data)
    if as_json:
        echo(json.dumps([vars(one) for one in found], ensure_ascii=False))
        return 0
    for one in found:
        echo(one.name + (f"  [{one.status}]" if one.status else ""))
        echo(f"  {one.question}")
        if one.needs:
            echo(f"  needs  {one.needs}")
        echo(f"  next   {one.next_step}\n")
    if not data:
        say("crm list --data SOURCE says which of them your data are ready for")
    return 0


def _tell(seen: Inspection) -> None:
    echo(f"{seen.label}: {seen.customers:,} customers, data up to {seen.day}\n\nTables")
    tell_table(
        ("table", "rows", "set aside", "newest", "days old"),
        [
            (
                r["table"],
                f"{r['rows']:,}",
                f"{r['rejected']:,}",
                _or_dash(r["newest"]),
                _or_dash(r["age_days"]),
            )
            for r in seen.tables.to_dict("records")
        ],
    )
    echo("\nHow complete")
    tell_table(
        ("table", "field", "filled"),
        [(r["table"], r["field"], f"{100 * r['filled']:.1f} %") for r in seen.fields.to_dict("records")],
    )
    if len(seen.rejected):
        echo("\nBroken")
        tell_table(
            ("table", "column", "what is wrong", "rows", "first row"),
            [
                (r["table"], r["column"], r["rule"], f"{r['rows']:,}", _or_dash(r["first_row"]))
                for r in seen.rejected.to_dict("records")
            ],
        )
    remarks = _remarks(seen)
    echo("\n" + "\n".join(remarks) if remarks else "")


def _remarks(seen: Inspection) -> list[str]:
    """What the numbers mean for the reports, and what to do about it."""
    remarks = []
    if seen.anonymous_rows:
        money = f"{seen.anonymous_spend:,.2f} {seen.currency}".strip()
        remarks.append(f"{seen.anonymous_rows:,} lines have no customer ({money}): counted, but in no model.")
    if seen.returns:
        remarks.append(f"{seen.returns:,} lines are returns; they are taken off revenue.")
    if seen.equal_lines:
        remarks.append(
            f"{seen.equal_lines:,} lines equal another in every field; they are kept as purchases."
        )
    remarks += [f"Left out: {reason}" for reason in seen.skipped.values()]
    if not seen.currency:
        remarks.append('The currency is unknown: say currency = "EUR" in mapping.toml.')
    for row in seen.tables.to_dict("records"):
        share = row["rejected"] / max(1, row["rows"] + row["rejected"])
        if share > 0.05:
            remarks.append(f"{100 * share:.1f} % of {row['table']} is broken: reports stop above 5 %.")
    return remarks


def _as_json(seen: Inspection) -> str:
    frames = {
        name: json.loads(getattr(seen, name).to_json(orient="records", date_format="iso"))
        for name in ("tables", "fields", "rejected")
    }
    facts = {name: value for name, value in vars(seen).items() if name not in frames}
    return json.dumps({**facts, **frames}, ensure_ascii=False, default=str)


def _or_dash(value: Any) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
