"""A year of bad nights of contact lists: nobody contacted twice or against consent, and no wave lost.

Two `[[list]]` of one shop are made by the real `make_wave` from real files. Between the nights customers buy,
rows come late and twice, consents come and go, the clock jumps, files tear, the key is another one, somebody
is forgotten, a backup comes back; a kill or a full disk strikes at a drawn call of the file system. What is
true after each step is held by the invariants below. `make test` goes few steps, for each night costs a base;
more by ``CRM_BAD_LISTS=2000 pytest tests/faults/test_bad_nights_of_lists.py`` (`BAD_NIGHTS.md`).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crm_analytics import CustomerBase
from crm_analytics.analyses.campaigns import Terms
from crm_analytics.errors import CrmError
from crm_analytics.pages.status import Status
from crm_analytics.runs.list_run import decide_wave, make_wave
from crm_analytics.runs.publishing import erasure, publish, suppressions
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.publishing.wave_folders import LISTS, WAVE
from crm_analytics.runs.schedule.list_jobs import WaveRequest
from crm_analytics.tables.export import pseudonyms, read_csv
from crm_analytics.tables.project_key import KEY_FILE
from crm_analytics.tables.source_ref import read_source
from tests.faults.strikes import Fault, Killed, faults, struck

STEPS = int(os.environ.get("CRM_BAD_LISTS", "48"))
EACH = 16
KEYS = (b"k" * 32, b"j" * 32)
PEOPLE = tuple(f"person{i}" for i in range(6))
WHO = st.sampled_from(PEOPLE)
LIST = st.sampled_from(["welcome", "thank_you"])
CAP_DAYS, LASTS = 30, 7
FAULTS = faults(40)


@dataclass(frozen=True)
class Seen:
    """An issued wave: who is on it, as (customer, arm)."""

    name: str
    day: date
    arms: frozenset[tuple[str, str]]

    @property
    def treated(self) -> frozenset[str]:
        return frozenset(who for who, arm in self.arms if arm == "treated")


class BadNightsOfLists(RuleBasedStateMachine):
    """One shop, two lists, one contact in thirty days."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="bad-lists-"))
        self.shop, self.out = self.root / "data" / "shop", self.root / "reports"
        self.shop.mkdir(parents=True)
        self.now = datetime(2026, 1, 31, 2, tzinfo=UTC)
        self.rows: list[tuple[str, date, int]] = [("regular", date(2025, 12, d), 10) for d in range(1, 31)]
        self.consent = dict.fromkeys((*PEOPLE, "regular"), True)
        self.consent_known, self.key = True, 0
        self.seen: dict[tuple[str, date], Seen] = {}
        self.torn: set[tuple[str, date]] = set()
        self.forgotten: set[str] = set()
        self.half: set[str] = set()  # a fault struck while they were forgotten
        self.saved: tuple[dict[tuple[str, date], Seen], set[tuple[str, date]]] | None = None
        self.use_key(0)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # -- the source --------------------------------------------------------------------------------

    @initialize(who=st.lists(WHO, min_size=2, unique=True))
    def some_are_customers(self, who: list[str]) -> None:
        for one in who:
            self.rows.append((one, self.now.date() - timedelta(days=1), 10))

    @rule(who=WHO, late=st.integers(0, 9), spend=st.sampled_from([10, 90]))
    def somebody_buys_or_a_row_comes_late(self, who: str, late: int, spend: int) -> None:
        self.rows.append((who, self.now.date() - timedelta(days=late), spend))

    @rule()
    def a_row_is_told_twice(self) -> None:
        self.rows.append(self.rows[-1])

    @rule(who=WHO)
    def a_consent_is_given_or_withdrawn(self, who: str) -> None:
        self.consent[who] = not self.consent[who]

    @rule()
    def the_column_of_consents_goes_or_comes(self) -> None:
        self.consent_known = not self.consent_known

    @rule(days=st.sampled_from([1, 2, 6, 8, 15, 31, -3, -20]))
    def the_clock_jumps(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def the_key_is_another_or_comes_back(self) -> None:
        self.use_key(1 - self.key)

    def use_key(self, number: int) -> None:
        self.key = number
        path = self.root / KEY_FILE
        path.unlink(missing_ok=True)
        path.write_text(KEYS[number].hex() + "\n")
        path.chmod(0o600)

    def written(self) -> None:
        text = "".join(f"{who},{day},{spend}.00\n" for who, day, spend in self.rows)
        (self.shop / "transactions.csv").write_text("customer_id,transaction_date,unit_spend\n" + text)
        column = ",consent_email" if self.consent_known else ""
        lines = [
            f"{who},{who}@mail.example" + (f",{str(given).lower()}" if self.consent_known else "")
            for who, given in self.consent.items()
        ]
        (self.shop / "customers.csv").write_text("\n".join([f"customer_id,email{column}", *lines]) + "\n")

    # -- nights ------------------------------------------------------------------------------------

    def request(self, name: str) -> WaveRequest:
        terms = Terms(days=LASTS, channels=("email",), cap=1, cap_days=CAP_DAYS, holdout=0.3)
        return WaveRequest(
            name, self.now, read_source(self.shop), self.out, self.root, terms, (name,), show_customers=True
        )

    @rule(name=LIST, fault=FAULTS)
    def night(self, name: str, fault: Fault) -> None:
        self.written()
        made: RunResult | None = None
        with suppress(Killed), struck(fault):
            decision = decide_wave(self.request(name))
            made = decision.result or make_wave(decision)
        new = self.look()
        if made is not None and made.status == Status.DONE:
            assert (name, date.fromisoformat(made.day)) in self.seen, "told of, and not there"
        if fault[1] is None:
            assert made is not None
            self.went_well(name, made, new)

    def went_well(self, name: str, made: RunResult, new: list[Seen]) -> None:
        """After a night without a fault: a wave that was due is there, with those who were due."""
        tomorrow = [day for _, day, _ in self.rows if day > self.now.date()]
        if self.key or tomorrow or not self.consent_known:
            return  # it may be refused, and the invariants hold all the same
        assert made.status in (Status.DONE, Status.UNCHANGED), made.message
        assert not list(self.out.rglob("*.part*"))
        if made.status == Status.UNCHANGED:
            assert not new
            return
        assert len(new) == 1, "told of, and no new wave"
        wave = new[0]
        assert wave.day == max(day for _, day, _ in self.rows)
        assert wave.name in (self.out / "index.html").read_text()
        if name == "welcome":
            assert self.due(wave) <= {who for who, _ in wave.arms}

    def due(self, wave: Seen) -> set[str]:
        """Who bought first in the days of a wave, may be written to, and was on no list of late."""
        first: dict[str, date] = {}
        for who, day, _ in sorted(self.rows, key=lambda row: row[1]):
            first.setdefault(who, day)
        late = {
            who
            for one in self.seen.values()
            if one is not wave and (abs((wave.day - one.day).days) < CAP_DAYS or one.name == wave.name)
            for who, _ in one.arms
        }
        new = {who for who, day in first.items() if (wave.day - day).days < LASTS and self.consent[who]}
        return new - late - self.forgotten

    def look(self) -> list[Seen]:
        """The waves that were not there before; their customers had given consent when they were made."""
        names = dict(zip(pseudonyms(list(self.consent), KEYS[0]), self.consent, strict=True))
        new = []
        for folder in self.folders():
            key = (folder.parent.name, date.fromisoformat(folder.name))
            if key in self.seen:
                continue
            assert self.key == 0, "a wave was made with another key"
            members = pd.read_parquet(folder / "members.parquet")
            arms = frozenset((names[c], a) for c, a in zip(members.customer, members.treatment, strict=True))
            one = Seen(*key, arms)
            assert self.consent_known or not arms, "a wave without a recorded consent"
            assert all(self.consent[who] for who, _ in arms), "on a list without consent"
            assert not {who for who, _ in arms} & self.forgotten, "on a list after being forgotten"
            csv = folder / f"{one.name}.csv"
            listed = set(read_csv(csv)["customer_id"]) if csv.exists() else set()
            assert listed == one.treated
            self.seen[key] = one
            new.append(one)
        return new

    def folders(self) -> list[Path]:
        return sorted(p.parent for p in (self.out / LISTS).glob(f"*/[0-9]*/{WAVE}"))

    @rule(name=LIST)
    def a_second_scheduler_comes(self, name: str) -> None:
        self.written()
        with publish.locked(self.request(name).place):
            made = make_wave(decide_wave(self.request(name)))
        assert made.status == Status.LOCKED
        assert not self.look()

    # -- the tree ----------------------------------------------------------------------------------

    @rule()
    def a_file_of_the_newest_wave_tears(self) -> None:
        waves = [one for one in self.seen.values() if one.treated]
        if waves:
            last = max(waves, key=lambda one: one.day)
            path = self.out / LISTS / last.name / last.day.isoformat() / "members.parquet"
            path.write_bytes(path.read_bytes()[:40])
            self.torn.add((last.name, last.day))

    @rule(who=WHO, fault=FAULTS)
    def forget(self, who: str, fault: Fault) -> None:
        self.written()
        if self.key or not (self.out / LISTS).is_dir() or any(d > self.now.date() for _, d, _ in self.rows):
            return
        base = CustomerBase.open(self.shop, today=self.now.date())
        self.half.add(who)
        with suppress(Killed, CrmError, OSError), struck(fault):
            found = erasure.find(self.out, self.root, base, who, "shop")
            erasure.erase(self.out, found, who, KEYS[0], self.now.date())
            self.half.discard(who)
            self.take_out(who)
        if suppressions.token_of(who, KEYS[0]) in suppressions.tokens(self.out):
            self.forgotten.add(who)

    def take_out(self, who: str) -> None:
        """What is left of the waves is the others; and no file there tells of the one who went."""
        for key, one in self.seen.items():
            self.seen[key] = Seen(one.name, one.day, frozenset(a for a in one.arms if a[0] != who))
        (name,) = pseudonyms([who], KEYS[0])
        for path in (self.out / LISTS).rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert who.encode() not in content
            assert name.encode() not in content

    @rule()
    def a_backup_is_made(self) -> None:
        if self.out.is_dir():
            shutil.rmtree(self.root / "backup", ignore_errors=True)
            shutil.copytree(self.out, self.root / "backup")
            self.saved = (dict(self.seen), set(self.torn))

    @rule()
    def a_backup_comes_back(self) -> None:
        """It knows nothing of later waves. Who was forgotten since is forgotten again by hand."""
        if self.saved is None or self.key or any(day > self.now.date() for _, day, _ in self.rows):
            return
        shutil.rmtree(self.out)
        shutil.copytree(self.root / "backup", self.out)
        self.seen, self.torn = dict(self.saved[0]), set(self.saved[1])
        again, self.forgotten = sorted(self.forgotten), set()
        for who in again:
            self.forget(who, (0, None))

    # -- always ------------------------------------------------------------------------------------

    @invariant()
    def no_wave_is_lost_or_changed(self) -> None:
        there = {(f.parent.name, date.fromisoformat(f.name)): f for f in self.folders()}
        names = dict(zip(pseudonyms(list(self.consent), KEYS[0]), self.consent, strict=True))
        for key, one in self.seen.items():
            assert key in there, f"the wave {key} is lost"
            assert json.loads((there[key] / WAVE).read_text())["day"] == key[1].isoformat()
            try:
                members = pd.read_parquet(there[key] / "members.parquet")
            except (OSError, ValueError):
                assert key in self.torn
                continue
            arms = {(names[c], a) for c, a in zip(members.customer, members.treatment, strict=True)}
            half = {a for a in one.arms if a[0] in self.half}
            assert arms <= one.arms
            missing = one.arms - arms - half
            assert not missing or (key in self.torn and all(arm == "control" for _, arm in missing))

    @invariant()
    def nobody_is_contacted_twice(self) -> None:
        for who in self.consent:
            days = sorted(one.day for one in self.seen.values() if who in one.treated)
            gaps = [(later - day).days for day, later in itertools.pairwise(days)]
            assert all(gap >= CAP_DAYS for gap in gaps), f"{who} contacted on {days}"


BadNightsOfLists.TestCase.settings = settings(
    max_examples=max(1, STEPS // EACH),
    stateful_step_count=EACH,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBadNightsOfLists = BadNightsOfLists.TestCase
