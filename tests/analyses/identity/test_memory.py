"""What is remembered from night to night: ids, trail, exact un-merge, and thirty nights of everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.identity import Memory, decide_apart, decide_same, forgotten
from crm_analytics.errors import DataError, ParameterError
from tests.analyses.identity.worlds import night_of, partition, people


def one_of(memory: Memory, person: str) -> set[str]:
    return set(memory.records_of(person))


def some_pair(memory: Memory) -> tuple[str, str]:
    """Two records that are two people now."""
    singles = memory.people.drop_duplicates()
    return str(singles.index[0]), str(singles.index[-1])


def test_batches_give_the_people_of_one_run() -> None:
    records = people(150, 0.4, seed=1).sort_values("created_at")
    whole = night_of(records)
    memory = None
    for end in (60, 61, 100, len(records)):
        memory = night_of(records.head(end), memory)
    assert memory is not None
    assert partition(memory.people) == partition(whole.people)


def test_unmerge_restores_exactly_what_was_before() -> None:
    before = night_of(people(60, 0.5, seed=2))
    one, other = some_pair(before)
    merged = decide_same(before, one, other, "2026-03-02")
    assert merged.people[one] == merged.people[other]
    after = decide_apart(merged, one, other, "2026-03-03")
    assert after.people.equals(before.people)
    assert after.as_map().people.equals(before.as_map().people)
    assert after.decisions.equals(before.decisions)


def test_unmerge_after_further_records_came_gives_each_part_its_own() -> None:
    records = people(40, 0.5, seed=3)
    half = night_of(records.head(30))
    one, other = some_pair(half)
    merged = night_of(records, decide_same(half, one, other, "2026-03-02"))
    undone = decide_apart(merged, one, other, "2026-03-04")
    assert partition(undone.people) == partition(night_of(records).people)


def test_unmerge_of_what_rules_joined_holds_on_later_nights() -> None:
    records = people(40, 0.6, seed=4)
    memory = night_of(records)
    person = memory.people.value_counts().index[0]
    one, other = sorted(one_of(memory, person))[:2]
    apart = decide_apart(memory, one, other, "2026-03-02")
    later = night_of(records, apart)
    assert later.people[one] != later.people[other]
    back = decide_same(later, one, other, "2026-03-05")
    assert back.people[one] == back.people[other]


def test_an_id_is_always_that_of_an_own_record() -> None:
    memory = night_of(people(80, 0.5, seed=5))
    assert (memory.people[memory.people.unique()].to_numpy() == memory.people.unique()).all()


def test_the_id_that_was_known_first_stays() -> None:
    frame = pd.DataFrame({"customer_id": ["z"], "first_name": ["Ada"], "last_name": ["Kok"],
                          "email": ["k@x.test"], "created_at": ["2026-02-01"]})  # fmt: skip
    older = frame.assign(customer_id="a", created_at="2020-01-01")
    memory = night_of(pd.concat([frame, older]), night_of(frame))
    assert memory.people.to_dict() == {"z": "z", "a": "z"}


def test_trail_tells_every_id_with_its_days() -> None:
    before = night_of(people(30, 0.0, seed=6))
    one, other = some_pair(before)
    merged = decide_same(before, one, other, "2026-03-02")
    kept = merged.people[other]
    lost = other if kept == one else one
    parted = decide_apart(merged, one, other, "2026-03-09")
    known = parted.as_map().known
    mine = known[known["customer_id"] == lost]
    assert mine[["known_id", "since", "until"]].to_numpy().tolist() == [[kept, "2026-03-02", "2026-03-09"]]


def test_forgetting_leaves_no_trace_of_the_id() -> None:
    memory = night_of(people(30, 0.5, seed=7))
    person = memory.people.value_counts().index[0]
    ids = memory.records_of(person)
    left = forgotten(memory, ids)
    for table in (left.records, left.spans, left.pairs, left.apart, left.decisions):
        assert not table.isin(ids).to_numpy().any()
    assert set(left.people.index) == set(memory.people.index) - set(ids)


def test_a_record_that_is_gone_keeps_its_id_from_others() -> None:
    records = people(60, 0.5, seed=8)
    memory = night_of(records)
    later = night_of(records.iloc[5:], memory)
    assert partition(later.people) == partition(memory.people)
    assert later.people.sort_index().equals(memory.people.sort_index())


def test_state_of_another_base_says_so() -> None:
    memory = night_of(people(30, 0.2, seed=9))
    other = people(30, 0.2, seed=9).assign(customer_id=lambda d: "X" + d["customer_id"])
    with pytest.raises(DataError, match="of another base"):
        night_of(other, memory)


def test_unknown_records_say_so_and_name_nobody() -> None:
    memory = night_of(people(5, 0.0, seed=10))
    with pytest.raises(ParameterError, match="1 of the two ids") as caught:
        decide_same(memory, "R00001", "secret-id", "2026-03-02")
    assert "secret-id" not in str(caught.value)


@pytest.mark.parametrize(
    ("nights", "count"), [(6, 40), pytest.param(30, 300, marks=pytest.mark.weekly)], ids=["short", "thirty"]
)
def test_nights_keep_every_law(nights: int, count: int) -> None:
    """New records, corrections, merges, splits and un-merges; each night is held to all laws."""
    chance = np.random.default_rng(11)
    records = people(count, 0.4, seed=12).sort_values("created_at", ignore_index=True)
    memory = Memory()
    have = len(records) // 2
    for number in range(nights):
        have = min(len(records), have + max(1, count // nights))
        if number % 3 == 1:  # a correction: a mail is written anew
            row = int(chance.integers(have))
            records.loc[row, "email"] = f"corrected{number}@post.test"
        memory = night_of(records.head(have), memory)
        memory = _by_hand(memory, chance, f"2026-04-{number + 1:02d}")
        _check_laws(memory)
    plain = night_of(records.head(have), memory)
    assert plain.people.sort_index().equals(memory.people.sort_index())
    assert partition(plain.people) == partition(_from_scratch(records.head(have), memory).people)


def _by_hand(memory: Memory, chance: np.random.Generator, day: str) -> Memory:
    before = memory.people
    one, other = chance.choice(before.index.to_numpy(), 2, replace=False)
    if before[one] == before[other]:
        return decide_apart(memory, one, other, day)
    merged = decide_same(memory, one, other, day)
    if chance.random() < 0.5:
        back = decide_apart(merged, one, other, day)
        if not _were_apart_by_decision(memory, one, other):
            assert back.people.equals(before)
        return back
    return merged


def _were_apart_by_decision(memory: Memory, one: str, other: str) -> bool:
    pair = [min(one, other), max(one, other)]
    return bool((memory.decisions[["record_l", "record_r"]] == pair).all(axis=1).any())


def _from_scratch(records: pd.DataFrame, memory: Memory) -> Memory:
    """One run over all with nothing remembered but what people decided."""
    return night_of(records, Memory(decisions=memory.decisions))


def _check_laws(memory: Memory) -> None:
    current = memory.people
    assert (current[current.unique()].to_numpy() == current.unique()).all()  # an id is an own record's
    for person in current.unique():
        # An id once given out always has the record it is named after: it never names others alone.
        assert person in one_of(memory, person)
    open_ = memory.spans[memory.spans["until"] == ""]
    assert open_["record_id"].is_unique
    assert open_.set_index("record_id")["person_id"].sort_index().equals(current.sort_index())
