"""What is remembered of who is who from one night to the next, and how ids are given out.

The id of a customer is the id of one of the customer's own records, so it can never name somebody else:

- a record that nobody is merged with has its own id;
- where customers are merged, the id that was given out first stays;
- where a customer is parted, each part gets back the id it had last, if that is the id of one of its
records.

Every id that a record ever had stands in `spans` with its days: the trail by which contacts, holdout arms
and erasure follow a customer through merges and splits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from crm_analytics.analyses.identity.clusters import among, clusters
from crm_analytics.analyses.identity.linkage import REVIEW, LinkageModel
from crm_analytics.errors import ParameterError
from crm_analytics.tables.identity_map import PAIRS, IdentityMap
from crm_analytics.tables.object_cards import ObjectCard
from crm_analytics.tables.survivorship import Survivorship

SAME, APART = "same", "apart"
JOINED, TO_REVIEW = "joined", "review"  # states of a pair
_PAIR = ["record_l", "record_r"]
BY_MODEL = "model"
_STRENGTH = {SAME: 1e9, "rule": 1e6}
_TEXTS = {
    "records": ("record_id", "digest", "person_id", "created", "source"),
    "spans": ("record_id", "person_id", "since", "until", "why"),
    "pairs": ("record_l", "record_r", "found_by", "reasons"),
    "apart": ("record_l", "record_r"),
    "decisions": ("record_l", "record_r", "verdict", "day"),
}
_NUMBERS = {"spans": ("from_night", "to_night"), "pairs": ("weight",)}
OPEN = float("inf")  # a span that has not ended


def _empty(name: str) -> pd.DataFrame:
    texts = {c: pd.Series(dtype="str") for c in _TEXTS[name]}
    return pd.DataFrame(texts | {c: pd.Series(dtype="float64") for c in _NUMBERS.get(name, ())})


@dataclass(frozen=True, eq=False)
class Memory(ObjectCard):
    """Who is who after some nights. Frames of text, empty where nothing is known.

    Attributes
    ----------
    records : record_id, digest (of what was compared), person_id, created (day), source
    spans : record_id, person_id, since, until (days; empty: open), why, from_night, to_night
    pairs : record_l < record_r, found_by ("rule: mail" or "model"), reasons (JSON), weight (bits)
    apart : record_l, record_r that share a mail or phone and are two people
    decisions : record_l, record_r, verdict ("same" or "apart"), day
    capped : digests of keys too common to compare within
    model : frozen; None where only rules speak
    night : how many times it was changed
    day : of the base, the last time
    """

    records: pd.DataFrame = field(default_factory=partial(_empty, "records"))
    spans: pd.DataFrame = field(default_factory=partial(_empty, "spans"))
    pairs: pd.DataFrame = field(default_factory=partial(_empty, "pairs"))
    apart: pd.DataFrame = field(default_factory=partial(_empty, "apart"))
    decisions: pd.DataFrame = field(default_factory=partial(_empty, "decisions"))
    capped: frozenset[str] = frozenset()
    model: LinkageModel | None = None
    night: int = 0
    day: str = ""

    @property
    def people(self) -> pd.Series:
        """Person by record."""
        return self.records.set_index("record_id")["person_id"]

    @property
    def threshold(self) -> float:
        """Bits from which the model's pairs are one person."""
        return self.model.threshold if self.model else OPEN

    def records_of(self, one: str) -> list[str]:
        """All records of a person, whichever of the ids is given; none where nobody is known by it."""
        known = self.people
        return sorted(known.index[known == known[one]]) if one in known.index else []

    def as_map(self, survivorship: Survivorship | None = None) -> IdentityMap:
        """The map that `CustomerBase.with_identities` takes, with the ids of earlier nights."""
        records = self.records
        people = pd.DataFrame({"record_id": records["record_id"], "customer_id": records["person_id"],
                               "source": records["source"]})  # fmt: skip
        spans = self.spans.assign(customer_id=self.spans["record_id"].map(self.people))
        foreign = spans[(spans["person_id"] != spans["customer_id"]) & spans["customer_id"].notna()]
        known = foreign.rename(columns={"person_id": "known_id"})
        known = known[["known_id", "customer_id", "since", "until"]].drop_duplicates()
        return IdentityMap(
            people.sort_values("record_id", ignore_index=True).astype("str"),
            known.sort_values(["known_id", "customer_id", "since"], ignore_index=True).astype("str"),
            survivorship or Survivorship(),
            self._stated_pairs(),
        )

    def _stated_pairs(self) -> pd.DataFrame:
        """Pairs that are joined, and those that somebody should look at."""
        people, table = self.people, self.pairs
        together = (table["record_l"].map(people) == table["record_r"].map(people)).to_numpy(dtype=bool)
        by_model = (table["found_by"] == BY_MODEL).to_numpy(dtype=bool)
        strong = ~by_model | (table["weight"] >= self.threshold).to_numpy(dtype=bool)
        decided = table.merge(self.decisions[_PAIR].drop_duplicates(), on=_PAIR, how="left", indicator=True)
        open_ = (decided["_merge"] == "left_only").to_numpy(dtype=bool)
        near = by_model & ~strong & (table["weight"] >= self.threshold + REVIEW).to_numpy(dtype=bool)
        states = np.where(strong & together, JOINED, np.where(near & open_ & ~together, TO_REVIEW, ""))
        stated = table.assign(state=states)
        return stated[stated["state"] != ""][PAIRS].reset_index(drop=True)


def decide_same(memory: Memory, one: str, other: str, day: str) -> Memory:
    """Merge the people of two records because somebody said so.

    Raises
    ------
    ParameterError : a record is not known, or both are one.
    """
    pair = _pair(memory, one, other)
    return regrouped(replace(memory, decisions=_decided(memory, pair, SAME, day)), day, "merged by decision")


def decide_apart(memory: Memory, one: str, other: str, day: str) -> Memory:
    """Take back a merge of two records; where they would still be joined by pairs, keep them apart for
    good.

    A merge that somebody had decided is undone exactly: what the records were before, they are again, and
    records that came later go where their own pairs lead.

    Raises
    ------
    ParameterError : a record is not known, or the two are not one person.
    """
    pair = _pair(memory, one, other)
    if memory.people[one] != memory.people[other]:
        raise ParameterError("these two records are not one person now, so there is nothing to take back")
    table = memory.decisions
    mine = (table["record_l"] == pair[0]) & (table["record_r"] == pair[1])
    undone = regrouped(replace(memory, decisions=table[~mine]), day, "parted by decision")
    if undone.people[one] != undone.people[other]:
        return undone
    return regrouped(replace(memory, decisions=_decided(memory, pair, APART, day)), day, "parted by decision")


def _pair(memory: Memory, one: str, other: str) -> tuple[str, str]:
    known = set(memory.records["record_id"])
    missing = sum(name not in known for name in (one, other))
    if missing:
        raise ParameterError(f"{missing} of the two ids are not in the identity state. Resolve first")
    if one == other:
        raise ParameterError("give two different records")
    return min(one, other), max(one, other)


def _decided(memory: Memory, pair: tuple[str, str], verdict: str, day: str) -> pd.DataFrame:
    table = memory.decisions
    old = (table["record_l"] == pair[0]) & (table["record_r"] == pair[1])
    row = pd.DataFrame([[*pair, verdict, day]], columns=list(_TEXTS["decisions"]), dtype="str")
    return pd.concat([table[~old], row]).sort_values(["record_l", "record_r"], ignore_index=True)


def regrouped(memory: Memory, day: str, why: str = "") -> Memory:
    """People made anew of the pairs and decisions, with ids that stay as they are wherever they can.

    Parameters
    ----------
    day : of the change, written to the trail
    why : for the trail; empty: found by what happened
    """
    records = memory.records
    index = pd.Index(records["record_id"])
    labels = clusters(index, _edges(memory), _apart(memory))
    person = _ids(memory, labels)
    spans, night = memory.spans, memory.night + 1
    before = spans[spans["to_night"] == OPEN].set_index("record_id")["person_id"]
    now = person[person != before.reindex(person.index)]
    if len(now):
        closing = (spans["to_night"] == OPEN) & among(spans["record_id"], now.index)
        spans = spans.assign(
            until=spans["until"].mask(closing, day), to_night=spans["to_night"].mask(closing, float(night))
        )
        began = _reasons(now, before, why)
        opened = pd.DataFrame(
            {"record_id": now.index, "person_id": now.to_numpy(), "since": day, "until": "", "why": began,
             "from_night": float(night), "to_night": OPEN}
        )  # fmt: skip
        spans = pd.concat([spans, opened], ignore_index=True)
        spans = spans.astype(dict.fromkeys(_TEXTS["spans"], "str"))
    spans = spans.sort_values(["record_id", "from_night"], ignore_index=True)
    kept = records.assign(person_id=records["record_id"].map(person).astype("str"))
    return replace(memory, records=kept, spans=spans, night=night, day=day)


def _reasons(now: pd.Series, before: pd.Series, why: str) -> np.ndarray:
    old = before.reindex(now.index)
    alone = np.where(now.index == now, "new", "new, merged")
    # A record that goes back to an id of its own, or with others to one of theirs, was parted.
    last = before.reindex(now.to_numpy()).to_numpy()
    changed = np.where(last == old.to_numpy(), "parted", "merged")
    return np.where(old.isna(), alone, why or changed)


def _edges(memory: Memory) -> pd.DataFrame:
    """Pairs that join, with their strength: what somebody decided, then rules, then the model's weight."""
    pairs = memory.pairs
    by_model = pairs["found_by"] == BY_MODEL
    good = pairs[~by_model | (pairs["weight"] >= memory.threshold)]
    strength = good["weight"].where(good["found_by"] == BY_MODEL, _STRENGTH["rule"])
    said = memory.decisions[memory.decisions["verdict"] == SAME]
    columns = ["record_l", "record_r", "strength"]
    return pd.concat(
        [good.assign(strength=strength)[columns], said.assign(strength=_STRENGTH[SAME])[columns]]
    )


def _apart(memory: Memory) -> pd.DataFrame:
    """Pairs that must not be joined: those that contradict, unless somebody said they are one; decisions."""
    said = memory.decisions
    same = said[said["verdict"] == SAME][["record_l", "record_r"]]
    found = memory.apart.merge(same, on=["record_l", "record_r"], how="left", indicator=True)
    found = found[found["_merge"] == "left_only"][["record_l", "record_r"]]
    return pd.concat([found, said[said["verdict"] == APART][["record_l", "record_r"]]])


def _ids(memory: Memory, labels: pd.Series) -> pd.Series:
    """The id of each record's person: see the rules at the head of this module."""
    spans, records = memory.spans, memory.records
    first = spans.groupby("person_id")["from_night"].min()
    created = records.set_index("record_id")["created"]
    own = pd.DataFrame({"record_id": labels.index, "person_id": labels.index, "tier": 2, "ended": 0.0})
    past = spans.assign(tier=np.where(spans["to_night"] == OPEN, 0, 1), ended=-spans["to_night"])
    past.loc[past["tier"] == 0, "ended"] = 0.0
    every = pd.concat([past[["record_id", "person_id", "tier", "ended"]], own])
    every["label"] = every["record_id"].map(labels)
    every = every[every["label"] == every["person_id"].map(labels)]  # its own record is here, too
    every["first"] = every["person_id"].map(first).fillna(OPEN)
    every["created"] = every["person_id"].map(created).replace("", "9").fillna("9")
    order = ["label", "tier", "ended", "first", "created", "person_id"]
    chosen = every.sort_values(order).drop_duplicates("label").set_index("label")["person_id"]
    return labels.map(chosen).rename("person_id").astype("str")


def forgotten(memory: Memory, ids: list[str]) -> Memory:
    """Without any trace of some records: for a person who must be erased."""
    gone = set(ids)

    def without(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        mine = table[list(columns)].isin(gone).any(axis=1)
        return table[~mine].reset_index(drop=True)

    both = ("record_l", "record_r")
    return replace(
        memory,
        records=without(memory.records, "record_id"),
        spans=without(memory.spans, "record_id", "person_id"),
        pairs=without(memory.pairs, *both),
        apart=without(memory.apart, *both),
        decisions=without(memory.decisions, *both),
    )
