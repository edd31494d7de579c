"""The commands about who is who: resolve, review, merge, unmerge, explain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_analytics.cli.console import echo_json, now, say
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.analyses.identity import Memory

_MOST = 50  # pairs that a terminal shows


def _about_a_source(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True),
        click.option("--mapping", type=click.Path(path_type=Path)),
        click.option("--data", required=True, metavar="SOURCE", help="Where these customers are."),
    ):
        command = option(command)
    return command


@click.group()
def identities() -> None:
    """Find out which records are one customer, and remember it from night to night.

    \b
    crm identities resolve --data shop           bring who is who up to date
    crm identities review --data shop            pairs that somebody should look at
    crm identities merge A B --data shop         these two records are one person
    crm identities unmerge A B --data shop       they are not: take it back
    crm identities explain A --data shop         why, and every id there ever was

    Lists and reports of the source take it from there. The state holds ids and weights, no names.
    """  # noqa: D301


@dataclass(frozen=True)
class _Store:
    """The identity state of a source, while its lock is held."""

    path: Path
    source: str
    key: bytes
    out: Path
    memory: Memory | None

    def write(self, memory: Memory) -> None:
        from crm_analytics.runs.publishing import identity_store

        identity_store.write(self.path, memory, self.key, self.source)


@contextmanager
def _store(out: Path, data: str) -> Iterator[_Store]:
    """With the lock of the lists: a wave must not be made while who is who changes."""
    from crm_analytics.runs.publishing import identity_store, publish, published_tree
    from crm_analytics.tables.project import project_folder
    from crm_analytics.tables.source_ref import public_name

    root = project_folder()
    folder = (root / out.expanduser()).resolve()
    published_tree.check(folder, root)
    key = published_tree.key_for(folder, root)
    source = public_name(data)
    path = identity_store.path_of(folder, source)
    with publish.lists_locked(folder):
        yield _Store(path, source, key, folder, identity_store.read(path, key))


@identities.command()
@_about_a_source
@click.option("--estimate", is_flag=True, help="Train the model anew; records may move, and it is told.")
@click.option("--rules-only", is_flag=True, help="Ask the rules alone, although the extra is installed.")
def resolve(*, data: str, mapping: Path | None, out: Path, estimate: bool, rules_only: bool) -> int:
    """Compare the records of a source, and bring who is who up to date."""
    from crm_analytics.analyses import identity
    from crm_analytics.runs.publishing import published_tree, wave_memory
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.project import project_folder

    base = CustomerBase.open(data, mapping=mapping, today=now().date())
    with _store(out, data) as store:
        barred = wave_memory.barred(store.out, base, store.key)
        night = identity.resolve(
            base, store.memory, key=store.key, model=not rules_only, estimate=estimate, barred=barred
        )
        store.write(night.memory)
        published_tree.claim(store.out, project_folder(), key=store.key)
    review = len(identity.review_list(night.memory))
    echo_json(
        {"source": store.source, "records": len(night.memory.records), "people": night.people,
         "merged": night.merged, "new": night.new, "changed": night.changed, "gone": night.gone,
         "moved": night.moved, "review": review}
    )  # fmt: skip
    say(f"{len(night.memory.records):,} records are {night.people:,} people; {night.moved:,} records moved.")
    if night.why_no_model:
        say(f"Only rules were asked: {night.why_no_model}.")
    elif estimate or store.memory is None or store.memory.model is None:
        say(
            f"A model was trained, and pairs from {night.memory.threshold:.2f} bits on are joined. It is "
            "kept: another one is trained only by --estimate."
        )
    if review:
        say(f"{review:,} pairs should be looked at: crm identities review --data {data}")
    return 0


@identities.command()
@_about_a_source
@click.option("--show-customers", is_flag=True, help="Yes, show what the source has of these people, too.")
def review(*, data: str, mapping: Path | None, out: Path, show_customers: bool) -> int:
    """Show pairs that are a little too light to be joined unasked, with what speaks for and against each.

    With --show-customers the fields that were compared stand beside: names, mails, phones of both records.
    That somebody looked, and when, is written to .crm-audit.jsonl; not at whom.
    """
    from crm_analytics.analyses import identity

    with _store(out, data) as store:
        memory = _known(store)
    found = identity.review_list(memory)
    shown = found.head(_MOST)
    fields = _compared(shown, data, mapping, store.source) if show_customers and len(shown) else {}
    for row in shown.to_dict("records"):
        beside = {"fields": fields[row["record_l"], row["record_r"]]} if fields else {}
        echo_json(
            {"record_l": row["record_l"], "record_r": row["record_r"], "weight": row["weight"],
             "probability": round(row["probability"], 4), "reasons": identity.reasons_of(row), **beside}
        )  # fmt: skip
    say(
        f"{len(found):,} pairs to look at, of which {len(shown)} are shown. Reasons are bits: "
        "two more bits are four times the odds. They sum to the weight."
        + ("" if show_customers else " --show-customers shows what was compared.")
    )
    return 0


def _compared(
    pairs: pd.DataFrame, data: str, mapping: Path | None, source: str
) -> dict[tuple[str, str], dict[str, list[str]]]:
    """What the source has of both records of each pair, by field; the log says that it was looked at."""
    from crm_analytics.analyses import identity
    from crm_analytics.runs.publishing import audit_trail
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.project import project_folder

    moment = now()
    base = CustomerBase.open(data, mapping=mapping, today=moment.date())
    found = identity.compared_fields(base, pairs)
    audit_trail.record(project_folder(), moment, "identities review", source=source, pairs=len(pairs))
    return found


@identities.command()
@click.argument("one")
@click.argument("other")
@_about_a_source
def merge(*, one: str, other: str, data: str, mapping: Path | None, out: Path) -> int:
    """Say that two records are one person. It holds on every night until `unmerge` takes it back."""
    return _decide("merge", one, other, data, out)


@identities.command()
@click.argument("one")
@click.argument("other")
@_about_a_source
def unmerge(*, one: str, other: str, data: str, mapping: Path | None, out: Path) -> int:
    """Take back a merge of two records; if they would be joined again, keep them apart for good."""
    return _decide("unmerge", one, other, data, out)


def _decide(verb: str, one: str, other: str, data: str, out: Path) -> int:
    from crm_analytics.analyses import identity
    from crm_analytics.runs.publishing import audit_trail
    from crm_analytics.tables.project import project_folder

    decide: Any = identity.decide_same if verb == "merge" else identity.decide_apart
    moment = now()
    with _store(out, data) as store:
        before = _known(store)
        day = max(moment.date().isoformat(), before.day)
        after = decide(before, one, other, day)
        store.write(after)
    moved = int((before.people != after.people.reindex(before.people.index)).sum())
    audit_trail.record(project_folder(), moment, f"identities {verb}", source=store.source, moved=moved)
    echo_json({"source": store.source, "moved": moved, "people": int(after.people.nunique())})
    say(f"{moved:,} records belong to another person now. `crm identities explain` shows the trail.")
    return 0


@identities.command()
@click.argument("one", metavar="ID")
@_about_a_source
def explain(*, one: str, data: str, mapping: Path | None, out: Path) -> int:
    """Show why the records of a customer are together, and every id they ever had."""
    from crm_analytics.analyses import identity

    with _store(out, data) as store:
        memory = _known(store)
    records = memory.records_of(one)
    if not records:
        raise DataError("no record of this id is in the identity state. Look at how the id is written")
    echo_json({"customer_id": memory.people[one], "records": records})
    for row in identity.explained(memory, one).to_dict("records"):
        echo_json({**{str(k): v for k, v in row.items()}, "reasons": identity.reasons_of(row)})
    for row in identity.trail(memory, one).to_dict("records"):
        echo_json({str(k): v for k, v in row.items()})
    return 0


def _known(store: _Store) -> Memory:
    if store.memory is None:
        raise DataError(
            f"nothing is known yet of who is who in {store.source}: crm identities resolve --data "
            f"{store.source}"
        )
    return store.memory
