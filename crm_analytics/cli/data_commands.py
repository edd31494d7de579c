"""The commands about data: write demo data, look at a source, say which reports it is ready for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.console import Finite, echo, now, say
from crm_analytics.cli.tables import tell_table
from crm_analytics.errors import DataError, ParameterError, nearest

if TYPE_CHECKING:
    from crm_analytics.tables.findings import Finding
    from crm_analytics.tables.inspection import Inspection
    from crm_analytics.tables.mapping_draft import Draft

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
    type=Finite(0, 1),
    default=1.0,
    show_default=True,
    help="Share of broken rows above which to fail; reports stop above 0.05.",
)
@click.option(
    "--page", type=click.Path(path_type=Path), help="Where the page goes; reports/checks/SOURCE.html."
)
@click.option("--no-page", is_flag=True, help="Write no page.")
@click.option(
    "--upgrade",
    is_flag=True,
    help="Print the lines of mapping.toml that settle what was read in silence before, and what is in doubt.",
)
@_JSON
def check(
    source: str,
    mapping: Path | None,
    max_rejected: float,
    *,
    as_json: bool,
    page: Path | None,
    no_page: bool,
    upgrade: bool,
) -> int:
    """Look at a source: rows, broken rows, age, how each column is read, and what seems wrong.

    \b
    crm check shop.csv
    crm check data/shop --mapping mapping.toml
    crm check data/shop --upgrade      what mapping.toml should say
    """  # noqa: D301
    if upgrade:
        from crm_analytics.tables.settling import settling_lines

        for line in settling_lines(source, mapping, now().date()):
            click.echo(line)
        return 0
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.inspection import inspect

    today = now().date()
    try:
        base = CustomerBase.open(source, mapping=mapping, today=today, max_rejected=max_rejected)
    except DataError as error:
        if "mapping.toml" not in str(error) or mapping is not None:
            raise
        raise DataError(f"{error}\nOr let `crm map {source}` draft a mapping.toml") from error
    seen = inspect(base, today)
    if as_json:
        echo(_as_json(seen))
    else:
        _tell(seen)
    if page is not None or not (no_page or as_json):
        from crm_analytics.cli.check_page import write_page

        say(f"The same as a page: {write_page(base, seen.rejected, source, page)}")
    return 0


@click.command(name="map")
@click.argument("source")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the draft goes; mapping.toml beside the data. - is stdout.",
)
def map_source(source: str, out: Path | None) -> int:
    """Draft a mapping.toml: which column of SOURCE may be which field, and how sure that is.

    Knows the exports of Shopify, WooCommerce, Stripe, Square, Magento, Amazon, Klaviyo, GA4, HubSpot,
    Salesforce, Zendesk, Mailchimp and UCI's Online Retail; else it goes by names and values. A file that is
    there is never overwritten.

    \b
    crm map orders_export.csv
    crm map '$DATABASE_URL' --out warehouse.toml
    """  # noqa: D301
    from crm_analytics.tables.mapping_draft import draft_mapping
    from crm_analytics.tables.named_sources import check_exists, find_source

    ref = find_source(source).ref
    check_exists(ref)
    draft = draft_mapping(ref)
    if str(out) == "-":
        click.echo(draft.toml(), nl=False)
        return 0
    folder = Path.cwd() if ref.path is None else ref.path if ref.path.is_dir() else ref.path.parent
    target = out or folder / "mapping.toml"
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(draft.toml())
    except FileExistsError:
        raise ParameterError(
            f"{target} is there already and is not overwritten. Give --out FILE, or --out - to see the draft"
        ) from None
    except OSError as error:
        raise ParameterError(f"{target} cannot be written ({error.strerror}). Give --out FILE") from None
    click.echo(target)
    _tell_draft(draft)
    given = "" if out is None and ref.path is not None else f" --mapping {target}"
    say(f"Read it, and change what is wrong. Next: crm check {source}{given}")
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


def _tell_draft(draft: Draft) -> None:
    for one in draft.tables:
        say(
            f"{one.table}: {one.kind or 'by names and values'}"
            + (f", from {one.origin}" if one.origin else "")
        )
        for guess in one.fields:
            say(f"  {guess.sure:<7} {guess.field} = {guess.said}")
        for name in one.missing:
            say(f"  missing {name}: no column looks like it", "yellow")
    if not any(one.table == "transactions" for one in draft.tables):
        say("No table looks like purchases: name it yourself under [transactions]", "yellow")


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
    if seen.readings:
        click.echo("\nHow it is read")
        tell_table(
            ("table", "field", "column", "read as", "for example"),
            [
                (
                    r.table,
                    r.field,
                    r.column,
                    r.how,
                    "; ".join(f"{text} is {value}" for text, value in r.examples[:2]),
                )
                for r in seen.readings
            ],
        )
    for finding in seen.findings:
        _tell_finding(finding, seen.currency)
    remarks = _remarks(seen)
    echo("\n" + "\n".join(remarks) if remarks else "")


def _tell_finding(finding: Finding, currency: str) -> None:
    worth = "" if finding.money is None else f" ({finding.money:,.2f} {currency}".rstrip() + ")"
    click.echo(f"\n{finding.severity.capitalize()}: {finding.says}{worth}")
    if finding.settles:
        click.echo("  in mapping.toml:")
        for line in finding.settles.splitlines():
            click.echo(f"    {line}")


def _remarks(seen: Inspection) -> list[str]:
    """What the numbers mean for the reports, and what to do about it."""
    from crm_analytics.tables.account import lost_sentence

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
    if seen.timezone:
        remarks.append(f"Days are days of {seen.timezone}.")
    from crm_analytics.tables.account import MAX_REJECTED

    for account in seen.accounts.values():
        if says := lost_sentence(account):
            remarks.append(f"{says}." + (" Reports stop above 5 %." if account.share > MAX_REJECTED else ""))
    return remarks


def _as_json(seen: Inspection) -> str:
    frames = {
        name: json.loads(getattr(seen, name).to_json(orient="records", date_format="iso"))
        for name in ("tables", "fields", "rejected")
    }
    records = {
        "accounts": {name: account.as_dict() for name, account in seen.accounts.items()},
        "findings": [finding.as_dict() for finding in seen.findings],
        "readings": [reading.as_dict() for reading in seen.readings],
    }
    facts = {name: value for name, value in vars(seen).items() if name not in frames} | records
    return json.dumps({**facts, **frames}, ensure_ascii=False, default=str)


def _or_dash(value: Any) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
