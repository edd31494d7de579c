"""The commands about what is published already: compare two runs, measure waves, take a person out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.console import echo, echo_json, now, say
from crm_analytics.cli.tables import tell_table
from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.erasure import Found
    from crm_analytics.runs.publishing.run_diff import Difference

_OUT = click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN_A RUN_B | NAME SLUG_A SLUG_B")
@_OUT
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def diff(runs: tuple[str, ...], out: Path, as_json: bool) -> int:
    """Compare the recorded numbers of two published runs, and say which changes are more than uncertainty.

    A run is NAME/SLUG (its last good run), NAME/SLUG/RUN, or the path of its folder or page.

    \b
    crm diff segments 1997-09-30 1998-06-30
    crm diff segments/1997-09-30 segments/1998-06-30 --json
    """  # noqa: D301
    from crm_analytics.runs.publishing.run_diff import caveats, compare, find_run

    if len(runs) not in (2, 3):
        raise ParameterError("crm diff compares two runs: give RUN_A RUN_B, or NAME SLUG_A SLUG_B")
    places = runs if len(runs) == 2 else (f"{runs[0]}/{runs[1]}", f"{runs[0]}/{runs[2]}")
    before, after = (find_run(out.expanduser().resolve(), place) for place in places)
    notes, found = caveats(before, after), compare(before.facts, after.facts)
    if as_json:
        facts = [{**vars(one), "words": one.words} for one in found]
        about = {"before": before.label, "after": after.label, "notes": notes, "facts": facts}
        echo(json.dumps(about, ensure_ascii=False))
        return 0
    echo(f"{before.label}  ->  {after.label}\n")
    header = ("fact", before.slug, after.slug, "change", "percent", "what may be said")
    tell_table(header, [_row(one) for one in found])
    for note in notes:
        say(f"\n{note}")
    return 0


def _row(one: Difference) -> tuple[str, ...]:
    change = "-" if one.change is None else _number(one.change, "+")
    percent = "-" if one.percent is None else f"{one.percent:+,.1f} %"
    told = one.words
    if one.lower is not None and one.upper is not None and one.change:
        told += f" ({_number(one.lower, '+')} to {_number(one.upper, '+')})"
    return one.name, _number(one.before), _number(one.after), change, percent, told


def _number(value: Any, sign: str = "") -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)[:40]
    if isinstance(value, int):
        return f"{value:{sign},}"
    return f"{value:{sign},.4f}" if abs(value) < 10 else f"{value:{sign},.2f}"


@click.command()
@click.argument("customer", metavar="ID")
@click.option("--data", required=True, metavar="SOURCE", help="Where this customer is, or was.")
@click.option("--mapping", type=click.Path(path_type=Path))
@_OUT
@click.option("--known-as", metavar="NAME", default="", help="What the source was called when it was read.")
@click.option("--yes", is_flag=True, help="Delete; without it, what would go is only listed.")
def forget(*, customer: str, data: str, mapping: Path | None, out: Path, known_as: str, yes: bool) -> int:
    """Take the customer ID out of all that is published: contact lists, and runs that may have known them.

    The customer is remembered, without the id, as not to be contacted. Erase the customer in the source, too,
    and make the reports again with `crm run` or `crm report`. A call that was stopped is called again.
    """
    from crm_analytics.runs.publishing import audit_trail, erasure, published_tree, suppressions
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.source_ref import public_name

    moment, folder = now(), out.expanduser().resolve()
    root = published_tree.project_of(folder)
    base = CustomerBase.open(data, mapping=mapping, today=moment.date())
    found = erasure.find(folder, root, base, customer, known_as or data)
    for one in found.runs:
        echo_json(one.line())
    for wave in found.waves:
        line = {"report": "lists", "slug": wave.parent.name, "run": wave.name, "certain": True}
        echo_json(line)
    counts = {"runs": len(found.runs), "lists": len(found.waves)}
    if len(found.own_ids) > 1:
        say(
            f"The identity state knows {len(found.own_ids)} records of this customer; all of them are meant. "
            "If one is another person's, first: crm identities unmerge"
        )
    _tell_found(found, yes)
    if yes:
        facts = {"source": public_name(data), **counts}
        audit_trail.record(root, moment, "forget begins", **facts)
        key = published_tree.key_for(folder, root)
        erasure.erase(folder, found, customer, key, moment.date())
        here = {"reports": os.path.relpath(folder, root), "known": suppressions.count(folder)}
        audit_trail.record(root, now(), suppressions.FORGOTTEN, **facts, **here)
        say(
            f"{counts['runs']} runs are deleted, with their pages, tables and notebooks. The customer is "
            "remembered, without the id, as not to be contacted."
        )
    say(
        "Pages show customers by pseudonym unless show_customers is set, so most held no id; their totals "
        "counted the customer. What is left to do: erase the customer in the source, make the reports again "
        "(crm run, crm report), and remember copies that were sent or backed up."
    )
    return 0


def _tell_found(found: Found, yes: bool) -> None:
    """What stands where, in words; a customer nobody knows is a slip of the pen until proved otherwise."""
    if not (found.in_source or found.runs or found.waves or found.unreadable or found.kept):
        raise DataError(
            "no customer of this id is in the source, in a run or on a list. Look at how the id is written"
        )
    if not found.in_source:
        say("The source has no customer of this id now. If it never had, look at how the id is written.")
    if found.kept:
        say(f"Rows kept for the next night hold the customer: they {'are' if yes else 'would be'} deleted.")
    if found.waves:
        say(
            f"The customer {'is taken out of' if yes else 'is on'} {len(found.waves)} waves of contact lists."
            " Whoever got those files has them still."
        )
    if found.scores:
        doing = "the customer's rows are taken out of them" if yes else "they are looked into with --yes"
        say(f"Files with scores: {', '.join(found.scores)}; {doing}.")
    for path in found.partner_files:
        doing = "is" if yes else "would be"
        say(f"{path} has tokens for a partner and may know the customer; it {doing} deleted.")
    if found.partner_files:
        say(
            "Make these files again with crm tokens. Whoever got them has them still; ask the partner to "
            "delete theirs."
        )
    if found.servers:
        say(
            f"Scores were written to {', '.join(found.servers)}, too: delete the customer's rows there "
            "(DELETE ... WHERE customer_id = ...). The next write leaves the customer out of all days."
        )
    if not found.runs:
        say("No published run is of data that held this customer.")
    elif not yes:
        say(f"{len(found.runs)} runs are of data that held this customer, or may be. Delete them: add --yes")
    if found.other_sources:
        say(
            f"Runs of other sources were not looked at: {', '.join(found.other_sources)}. If the customer is "
            "in them, too, call this again with each as --data."
        )


@click.command()
@click.option("--data", required=True, metavar="SOURCE", help="Where these customers are.")
@click.option("--mapping", type=click.Path(path_type=Path))
@_OUT
@click.option(
    "--write", "folder", required=True, type=click.Path(path_type=Path), metavar="FOLDER",
    help="The folder of your tables, or another.",
)  # fmt: skip
def waves(data: str, mapping: Path | None, out: Path, folder: Path) -> int:
    """Write who was contacted by the waves of [[list]], and who is control, as tables to measure them by.

    \b
    crm waves --data shop --write data/shop      campaigns.parquet, campaign_members.parquet
    crm report campaigns --data shop             what the waves brought
    """  # noqa: D301
    from crm_analytics.analyses import campaigns
    from crm_analytics.runs.publishing import published_tree
    from crm_analytics.tables.customer_base import CustomerBase

    base = CustomerBase.open(data, mapping=mapping, today=now().date())
    tree = out.expanduser().resolve()
    every = published_tree.waves_in(tree)
    key = published_tree.key_for(tree, published_tree.project_of(tree)) if every else b""
    tables = campaigns.as_campaigns(base, every, key)
    for path in campaigns.write_campaigns(tables, folder.expanduser()):
        echo(path)
    say(
        f"{len(tables[0]):,} lists of {len(every):,} waves, {len(tables[1]):,} members, control among them. "
        f"The files hold customer ids.\nNext: crm report campaigns --data {data}"
    )
    return 0
