"""Nights of who is who, killed in between: ``python -m tests.faults.thirty_nights [--write FILE]``.

Each night new customers buy, some of them a second time under another id, records are corrected, two
records are merged or parted by hand, and a contact list with a control group is made. Each of these steps
may be killed at a step of the file system, as by kill -9, and is then called again. After each night
everything is rechecked: nobody is contacted twice, whatever their ids are or were; no control group is
contacted later; an id is always one of an own record; everybody on a list consents by all records; lists
that were made stay as they are; and the state is that of one run over all records.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import identity
from crm_analytics.analyses.identity import Memory
from crm_analytics.runs.list_run import make_wave
from crm_analytics.runs.publishing import identity_store, published_tree
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.project_key import ensure_key
from tests.faults.attacks import crm, working_in
from tests.faults.attacks.erasure import killed_at

FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
TOML = """[source.shop]
path = "data/shop"
[[list]]
name = "weekly"
source = "shop"
lists = ["welcome"]
holdout = 0.4
every = "1d"
cap = 1
cap_days = 365
"""
BEGIN, END = "<!-- nights: begin -->", "<!-- nights: end -->"


@dataclass
class World:
    """A shop that grows, and what is remembered of it by hand.

    Attributes
    ----------
    treated, control : records of everybody on a list so far, by the person they were of then
    lists : sha256 of every file of lists that were made
    counts : what was done
    """

    root: Path
    chance: np.random.Generator
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    bought: list[tuple[str, str]] = field(default_factory=list)
    treated: set[str] = field(default_factory=set)
    control: set[str] = field(default_factory=set)
    lists: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """The folder of reports."""
        return self.root / "reports"

    def count(self, what: str, number: int = 1) -> None:
        """Something was done."""
        self.counts[what] = self.counts.get(what, 0) + number

    def memory(self) -> Memory:
        """The state as it stands on the disk."""
        found = identity_store.read(identity_store.path_of(self.out, "shop"), ensure_key(self.root))
        assert found is not None
        return found


def nights(folder: Path, number: int, seed: int = 1) -> tuple[World, list[str]]:
    """Go through some nights; the world after them, and what broke."""
    world = World(folder / "p", np.random.default_rng(seed))
    (world.root / "notebooks").mkdir(parents=True)
    (world.root / "data" / "shop").mkdir(parents=True)
    (world.root / "crm.toml").write_text(TOML)
    with working_in(world.root):
        published_tree.claim(world.out, world.root, key=ensure_key(world.root))
    broke: list[str] = []
    for night in range(number):
        moment = FIRST + timedelta(days=night)
        _day(world, night, moment)
        _killed(world, "resolve", lambda: _crm(world, "identities", "resolve", "--rules-only"))
        for verb, one, other in _decisions(world):
            _killed(world, verb, partial(_crm, world, "identities", verb, one, other))
        _killed(world, "list", partial(_wave, world, moment))
        broke += [f"night {night + 1}: {what}" for what in _wrong(world, moment)]
    return world, broke


def _day(world: World, night: int, moment: datetime) -> None:
    """Who comes and what is corrected on a day."""
    chance, day = world.chance, (moment - timedelta(days=1)).date().isoformat()
    rows: list[dict[str, object]] = [
        {"customer_id": f"n{night:02}x{n}", "first_name": f"Person{chr(97 + n)}",
         "last_name": f"Family{night:02}", "email": f"n{night:02}x{n}@kanari.test",
         "consent_email": str(chance.random() < 0.85).lower(), "created_at": day}
        for n in range(12 if night == 0 else 5)
    ]  # fmt: skip
    if night:
        for n, old in enumerate(world.people.sample(2, random_state=night).to_dict("records")):
            consent = str(chance.random() < 0.85).lower()  # the same person under another id
            rows.append(
                {
                    **{str(k): v for k, v in old.items()},
                    "customer_id": f"n{night:02}d{n}",
                    "consent_email": consent,
                    "created_at": day,
                }
            )
            world.count("records of somebody known")
    world.count("new records", len(rows))
    world.people = pd.concat([world.people, pd.DataFrame(rows)], ignore_index=True)
    world.bought += [(str(row["customer_id"]), day) for row in rows]
    if night % 2:
        row = int(chance.integers(len(world.people)))
        world.people.loc[row, "email"] = f"corrected{night}@kanari.test"
        world.count("corrections")
    shop = world.root / "data" / "shop"
    world.people.to_csv(shop / "customers.csv", index=False)
    sales = pd.DataFrame(world.bought, columns=["customer_id", "transaction_date"]).assign(unit_spend="10.00")
    sales.to_csv(shop / "transactions.csv", index=False)


def _decisions(world: World) -> Iterator[tuple[str, str, str]]:
    """What somebody says of two records this night: one person, or not."""
    people = world.memory().people
    one, other = (str(x) for x in world.chance.choice(people.index.to_numpy(), 2, replace=False))
    if people[one] != people[other]:
        yield "merge", one, other
        if world.chance.random() < 0.4:
            yield "unmerge", one, other
    several = people[people.duplicated(keep=False)]
    if len(several) and world.chance.random() < 0.4:
        person = str(world.chance.choice(several.unique()))
        pair = several.index[several == person][:2]
        if {one, other} != set(pair):
            yield "unmerge", str(pair[0]), str(pair[1])


def _killed(world: World, what: str, work: Callable[[], None]) -> None:
    """Do it; two times of three it is killed at some step first, and then called again."""
    if world.chance.random() < 2 / 3:
        last = 40 if what == "list" else 5  # steps that it has
        died = killed_at(int(world.chance.integers(1, last)), world.out, work)
        world.count(f"{what}: killed" if died else f"{what}: done before the kill")
        if not died and what in ("merge", "unmerge", "list"):
            return
    else:
        world.count(f"{what}: not killed")
    work()


def _crm(world: World, *arguments: str) -> None:
    code, _, said = crm(world.root, *arguments, "--data", "shop")
    nothing_left = arguments[1] == "unmerge" and "not one person now" in said  # it was done before the kill
    assert code == 0 or nothing_left, said


def _wave(world: World, moment: datetime) -> None:
    with working_in(world.root):
        (item,) = prepare(read_schedule(world.root / "crm.toml", moment))
        made = item.decision.result or make_wave(item.decision)  # type: ignore[arg-type]
        assert made.exit_code == 0, made.message


def _wrong(world: World, moment: datetime) -> Iterator[str]:
    """What does not hold after a night."""
    memory, key = world.memory(), ensure_key(world.root)
    people = memory.people
    named = dict(zip(pseudonyms(list(people.index), key), people.index, strict=True))
    consents = world.people.set_index("customer_id")["consent_email"]
    lists = world.out / "lists" / "weekly"
    for path in sorted(p for p in lists.rglob("*") if p.is_file() and not p.name.startswith(".")):
        place, now = str(path.relative_to(lists)), hashlib.sha256(path.read_bytes()).hexdigest()
        if world.lists.setdefault(place, now) != now:
            yield f"{place} is not what it was"
        if path.name != "members.parquet" or not place.startswith(_day_of(moment)):
            continue
        rows = pd.read_parquet(path)
        for called, arm in rows[["customer", "treatment"]].drop_duplicates().itertuples(index=False):
            records = set(memory.records_of(named[called]))
            if records & world.treated:
                yield f"somebody is contacted twice ({arm})"
            if arm != "control" and records & world.control:
                yield "somebody of a control group is contacted later"
            if arm != "control" and (consents.reindex(sorted(records)) != "true").any():
                yield "somebody is contacted who consents by one record alone"
            (world.control if arm == "control" else world.treated).update(records)
            world.count("in a control group" if arm == "control" else "contacted")
    if (people[people.unique()].to_numpy() != people.unique()).any():
        yield "an id is not one of an own record"
    open_ = memory.spans[memory.spans["until"] == ""].set_index("record_id")["person_id"]
    if not open_.sort_index().equals(people.sort_index().rename("person_id")):
        yield "the trail does not end where people are"
    if set(people.index) != set(world.people["customer_id"]):
        yield "a record is missing, or is one too many"
    base = CustomerBase.open(world.root / "data" / "shop", today=moment.date())
    whole = identity.resolve(base, Memory(decisions=memory.decisions), model=False, key=key).memory.people
    if _parts(whole) != _parts(people):
        yield "the people are not those of one run over all records"


def _day_of(moment: datetime) -> str:
    return (moment - timedelta(days=1)).date().isoformat()


def _parts(people: pd.Series) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(group) for group in people.groupby(people).groups.values())


def main() -> int:
    """The exit code is 1 where something broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put the result into this file, between its marks")
    asked = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        world, broke = nights(Path(folder), asked.nights, asked.seed)
    lines = ["| what | times |", "|---|---:|", *(f"| {n} | {c} |" for n, c in sorted(world.counts.items()))]
    lines += ["", f"{asked.nights} nights, seed {asked.seed}: **{len(broke)}** laws broken."]
    text = "\n".join([*lines, *(f"- {one}" for one in broke)])
    print(text)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    if asked.write:
        whole = asked.write.read_text(encoding="utf-8")
        head, _, rest = whole.partition(BEGIN)
        asked.write.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main())
