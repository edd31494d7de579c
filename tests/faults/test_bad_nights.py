"""A year of bad nights: whatever happens in whatever order, what is published and what is kept stays true.

The job is a stub that reads a source of day files, keeps rows in a real `RowStore`, and publishes a page of
their sums by the real `publish` and `index`; so a step takes milliseconds and every kind of night can follow
every other. A kill or a full disk strikes at a drawn call of the file system. `make test` goes 1,000 steps;
more by ``CRM_BAD_NIGHTS=100000 pytest tests/faults/test_bad_nights.py``, and what came of it stands in
`tests/faults/BAD_NIGHTS.md`. Contact lists and real kernels are not in it: `test_every_step.py` kills those.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crm_analytics.errors import LockedError, PublishError
from crm_analytics.runs.publishing import index, kept_rows, publish, suppressions
from crm_analytics.tables.row_store import RowStore
from tests.faults.strikes import Fault, Killed, faults, struck

STEPS = int(os.environ.get("CRM_BAD_NIGHTS", "1000"))
EACH = 40
KEYS = (b"k" * 32, b"j" * 32)
WHO = st.sampled_from(["ann-vogel", "bob-meier", "cy-lang", "dee-roth"])
DAY = st.integers(1, 5)


FAULTS = faults(60)


class BadNights(RuleBasedStateMachine):
    """One shop, one report, one slug."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="bad-nights-"))
        self.out = self.root / "reports"
        self.place = publish.Place(self.out, "tiny", "s")
        self.source: dict[int, list[list[object]]] = {1: [["l0", "ann-vogel", 5]]}
        self.mapping, self.key, self.now = 1, 0, datetime(2026, 1, 31, 2, tzinfo=UTC)
        self.forgotten: set[str] = set()
        self.half_forgotten: set[str] = set()
        self.allowed: set[bytes] = set()  # pages that a reader may see now
        self.saved: tuple[set[str], set[bytes]] | None = None
        self.lines = 1

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # -- the source --------------------------------------------------------------------------------

    @rule(day=DAY, who=WHO, spend=st.integers(1, 9))
    def somebody_buys_or_a_row_comes_late(self, day: int, who: str, spend: int) -> None:
        self.source.setdefault(day, []).append([f"l{self.lines}", who, spend])
        self.lines += 1

    @rule(day=DAY)
    def a_row_is_told_twice(self, day: int) -> None:
        if self.source.get(day):
            self.source[day].append(list(self.source[day][0]))

    @rule(day=DAY, spend=st.integers(1, 9))
    def a_row_is_corrected(self, day: int, spend: int) -> None:
        if self.source.get(day):
            self.source[day][0][2] = spend

    @rule(day=DAY)
    def a_file_goes(self, day: int) -> None:
        self.source.pop(day, None)

    @rule()
    def the_mapping_changes(self) -> None:
        self.mapping += 1

    @rule()
    def the_key_changes(self) -> None:
        if not self.forgotten:  # then it is refused: nobody forgotten would be known again
            self.key = 1 - self.key

    @rule(days=st.integers(-400, 400))
    def the_clock_jumps(self, days: int) -> None:
        self.now += timedelta(days=days)

    # -- nights ------------------------------------------------------------------------------------

    @property
    def store(self) -> RowStore:
        made = kept_rows.store_of(self.out, "shop", KEYS[self.key])
        return RowStore(made.folder, key=made.key, code=f"mapping {self.mapping}", barred=made.barred)

    def rows_by_store(self) -> list[list[object]]:
        """Rows of all days: those of unchanged files from the store, which is brought up to date."""
        store = self.store
        publish.make_folder(store.folder.parent)
        with store.locked():
            state, _ = store.read()
            known = {} if state is None else state["parts"]
            place, parts, rows = store.draft(), {}, []
            for day, lines in sorted(self.source.items()):
                digest = hashlib.sha256(json.dumps(lines).encode()).hexdigest()
                part = known.get(str(day))
                if part is None or part["sha256"] != digest:
                    (place / f"{day}.rows").write_text(json.dumps(lines))
                    part = {"sha256": digest, "file": f"{place.name}/{day}.rows"}
                parts[str(day)] = part
                rows += json.loads((store.folder / part["file"]).read_text())
            barred = store.barred({str(row[1]) for row in rows}) if store.barred else []
            if barred:
                store.clear()
                return [row for row in rows if row[1] not in barred]
            try:
                store.write({"parts": parts}, [part["file"] for part in parts.values()], new=place)
            except OSError:
                store.tidy()
            return rows

    def page(self, rows: list[list[object]]) -> bytes:
        """What is told of some rows; a row that is told twice counts once."""
        kept = {str(row[0]): row for row in rows}
        told = {"rows": len(kept), "spend": sum(int(str(row[2])) for row in kept.values()), "m": self.mapping}
        return b"<html>" + json.dumps(told, sort_keys=True).encode() + b"</html>"

    def truth(self) -> bytes:
        rows = [row for _, lines in sorted(self.source.items()) for row in lines]
        return self.page([row for row in rows if row[1] not in self.forgotten])

    def job(self) -> None:
        with publish.locked(self.place):
            page = self.page(self.rows_by_store())
            run = publish.run_id(self.now, hashlib.sha256(page).hexdigest())
            about = publish.as_json({"page": {"sha256": hashlib.sha256(page).hexdigest()}})
            publish.publish(self.place, run, {"page.html": page, "manifest.json": about}, {"day": ""}, keep=3)
        index.rebuild(self.out, self.now.date())

    @rule(fault=FAULTS)
    def night(self, fault: Fault) -> None:
        self.allowed.add(self.truth())
        with suppress(Killed, PublishError, OSError), struck(fault):
            self.job()
            if fault[1] is None:
                self.went_well()

    def went_well(self) -> None:
        """After a night without a fault nothing is owed, whatever was before it."""
        assert self.place.page.read_bytes() == self.truth()
        self.allowed = {self.truth()}
        pointer = publish.pointer_of(self.place.folder, "current.json")
        assert pointer is not None
        run = self.place.folder / "runs" / pointer["run"]
        assert (run / "page.html").read_bytes() == self.truth()
        assert not [p for p in self.out.rglob("*") if ".part" in p.name]
        assert "tiny" in (self.out / "index.html").read_text()
        state, _ = self.store.read()
        there = {
            p.relative_to(self.store.folder).as_posix() for p in self.store.folder.rglob("*") if p.is_file()
        }
        assert there == ({*state["files"], "state.json"} if state else set())

    @rule()
    def a_second_scheduler_comes(self) -> None:
        with publish.locked(self.place), suppress(LockedError):
            self.job()
            raise AssertionError("two made one report at once")

    # -- the tree ----------------------------------------------------------------------------------

    @rule(who=WHO, fault=FAULTS)
    def forget(self, who: str, fault: Fault) -> None:
        self.half_forgotten.add(who)
        with suppress(Killed, PublishError, OSError), struck(fault):
            suppressions.suppress(self.out, who, KEYS[self.key])
            kept_rows.forget(self.out)
            self.half_forgotten.discard(who)
        token = suppressions.token_of(who, KEYS[self.key])
        if token in suppressions.tokens(self.out):
            self.forgotten.add(who)

    @rule()
    def a_backup_is_made(self) -> None:
        if self.out.is_dir():
            shutil.rmtree(self.root / "backup", ignore_errors=True)
            shutil.copytree(self.out, self.root / "backup")
            self.saved = (set(self.forgotten), set(self.allowed))

    @rule()
    def a_backup_comes_back(self) -> None:
        """What was forgotten since is forgotten again by hand, as docs/schedule.md says."""
        if self.saved is None:
            return
        since = self.forgotten | self.half_forgotten
        shutil.rmtree(self.out)
        shutil.copytree(self.root / "backup", self.out)
        self.allowed = set(self.saved[1])
        for who in sorted(since):
            suppressions.suppress(self.out, who, KEYS[self.key])
            kept_rows.forget(self.out)
        self.forgotten, self.half_forgotten = since | self.saved[0], set()

    # -- always ------------------------------------------------------------------------------------

    @invariant()
    def the_last_good_page_is_whole(self) -> None:
        if self.place.page.exists():
            assert self.place.page.read_bytes() in self.allowed
        for run in (self.place.folder / "runs").glob("[!.]*"):
            about = json.loads((run / "manifest.json").read_text())
            assert hashlib.sha256((run / "page.html").read_bytes()).hexdigest() == about["page"]["sha256"]

    @invariant()
    def what_is_kept_can_be_used_or_is_refused(self) -> None:
        state, why = self.store.read()
        assert (state is None) == bool(why)
        for part in (state or {"parts": {}})["parts"].values():
            content = (self.store.folder / part["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == part["sha256"]

    @invariant()
    def nobody_forgotten_is_kept(self) -> None:
        named = [who.encode() for who in self.forgotten - self.half_forgotten]
        for store in kept_rows.stores(self.out):
            state, _ = RowStore(store.folder, key=self.store.key, code=self.store.code).read()
            for name in (state or {"files": []})["files"]:
                content = (store.folder / name).read_bytes()
                assert not any(who in content for who in named)


BadNights.TestCase.settings = settings(
    max_examples=max(1, STEPS // EACH),
    stateful_step_count=EACH,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBadNights = BadNights.TestCase
