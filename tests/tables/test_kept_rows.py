"""A base opened from kept rows and new files is the base of all files, whatever came, changed or went."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError
from crm_analytics.tables import kept_customers, kept_merge
from crm_analytics.tables.row_store import RowStore

TODAY = "2026-12-01"
MAPPING = {"currency": "EUR"}
# nobody, people, and ids that are no people's
WHO = (None, *(f"c{i}" for i in range(24)), "C3", "guest", "-1", "4.68E+15", "total")


def lines(number: int, seed: int = 0, rows: int = 12, *, broken: int = 0, keys: bool = False) -> pd.DataFrame:
    """Purchase lines of one day and some late ones; a day of 2026 for each number."""
    rng = np.random.default_rng([number, seed])
    day = np.datetime64("2026-01-01") + number - rng.integers(0, 2, rows) * rng.integers(0, 40, rows)
    frame = pd.DataFrame({
        "transaction_id": [f"o{number}-{i}" for i in rng.integers(0, 5, rows)],
        "customer_id": [WHO[i] for i in rng.integers(0, len(WHO), rows)],
        "transaction_date": [f"{d} 10:00:00" for d in day],
        "unit_spend": [f"{x:.2f}" for x in rng.uniform(-9, 90, rows)],
    })  # fmt: skip
    frame.loc[: broken - 1, "unit_spend"] = "free"
    return frame.assign(transaction_line_id=[f"l{number}-{i}" for i in range(rows)]) if keys else frame


class Shop:
    """A folder of purchases, one file a day, and what is kept of it."""

    def __init__(self, root: Path, kind: str, *, keys: bool = False) -> None:
        shutil.rmtree(root, ignore_errors=True)
        self.folder, self.kind, self.keys = root / "shop", kind, keys
        self.store = RowStore(root / "kept" / "rows", key="k", code="c")
        self.today, self.mapping = TODAY, MAPPING
        self.folder.mkdir(parents=True)

    def put(self, number: int, seed: int = 0, **how: int) -> None:
        """Write a day's file, or write it anew."""
        self.write(number, lines(number, seed, keys=self.keys, **how))

    def write(self, number: int, frame: pd.DataFrame) -> None:
        if self.kind == "csv":
            frame.to_csv(self.folder / f"sales_{number:03}.csv", index=False)
            return
        place = self.folder / "transactions" / f"year=2026/day={number:03}"
        place.mkdir(parents=True, exist_ok=True)
        frame = frame.assign(
            transaction_date=pd.to_datetime(frame["transaction_date"]).astype("datetime64[us]")
        )
        frame.to_parquet(place / "a.parquet", index=False)

    def drop(self, number: int) -> None:
        if self.kind == "csv":
            (self.folder / f"sales_{number:03}.csv").unlink()
        else:
            shutil.rmtree(self.folder / "transactions" / f"year=2026/day={number:03}")

    def opened(self) -> CustomerBase:
        return CustomerBase.open(self.folder, mapping=self.mapping, today=self.today, store=self.store)

    def check(self) -> str:
        """Both bases are one; what was read, in words."""
        whole, refusal = self.whole()
        if whole is None:
            with pytest.raises(DataError) as told:
                self.opened()
            assert str(told.value).split(", first in rows")[0] == refusal
            return "refused"
        mine = self.opened()
        same(mine, whole)
        return mine.snapshot.reading

    def whole(self) -> tuple[CustomerBase | None, str]:
        """The base of all files, or why there is none."""
        try:
            return CustomerBase.open(self.folder, mapping=self.mapping, today=self.today), ""
        except DataError as error:
            return None, str(error).split(", first in rows", maxsplit=1)[0]


def canonical(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def same(mine: CustomerBase, whole: CustomerBase) -> None:
    """Everything that is known of the two is equal."""
    assert mine.data_hash == whole.data_hash
    assert (mine.day, mine.first_day, mine.counts) == (whole.day, whole.first_day, whole.counts)
    assert (mine.currency, mine.timezone, mine.accounts) == (whole.currency, whole.timezone, whole.accounts)
    rejected = [["table", "column", "rule"]] * 2
    frames = [canonical(base.rejected[c]) for base, c in zip((mine, whole), rejected, strict=True)]
    pd.testing.assert_frame_equal(*frames)
    for made in ("customer_days", "customer_history", "transactions"):
        pd.testing.assert_frame_equal(*(canonical(b.collect(getattr(b, made))) for b in (mine, whole)))
    assert [f for f in mine.findings if f.kind != "kept_rows"] == whole.findings
    assert [(r.field, r.how) for r in mine.snapshot.readings] == [
        (r.field, r.how) for r in whole.snapshot.readings
    ]


STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 70), st.integers(0, 3)),  # new, late, or written anew
    st.tuples(st.just("drop"), st.integers(1, 12), st.just(0)),
    st.tuples(st.just("broken"), st.integers(1, 70), st.integers(1, 2)),
    st.tuples(st.just("again"), st.just(0), st.just(0)),
    st.tuples(st.just("corrected"), st.integers(1, 8), st.just(0)),
    st.tuples(st.just("clock"), st.integers(-330, 30), st.just(0)),
)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=2, max_size=4), keys=st.booleans())
def test_any_order_of_batches_gives_the_base_of_all_files(tmp_path_factory, kind, steps, keys) -> None:
    shop = Shop(tmp_path_factory.getbasetemp() / f"any-{kind}", kind, keys=keys)
    for number in range(6):
        shop.put(number)
    there = set(range(6))
    for what, number, seed in [("again", 0, 0), *steps]:
        if what == "put":
            shop.put(number, seed)
            there.add(number)
        elif what == "broken" and kind == "csv":
            shop.put(number, broken=seed)
            there.add(number)
        elif what == "drop" and number in there:
            shop.drop(number)
            there.remove(number)
        elif what == "corrected" and number in there:  # rows of an earlier file, told again in a new one
            shop.write(80 + number, lines(number, keys=keys).head(1).assign(unit_spend="5.00"))
        elif what == "clock":
            shop.today = (date.fromisoformat(TODAY) + pd.Timedelta(days=number)).isoformat()[:10]
        shop.check()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_only_what_is_new_is_read(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path / kind, kind)
    for number in range(5):
        shop.put(number)
    assert shop.check() == "all rows were read: nothing was kept yet"
    assert shop.check() == "read 0 of 5 files of purchases"
    shop.put(9)
    assert shop.check() == "read 1 of 6 files of purchases"
    shop.put(3, seed=1)  # in the middle
    assert shop.check() == "read 1 of 6 files of purchases"
    shop.drop(2)
    assert shop.check() == "read 0 of 5 files of purchases; 1 is gone"
    touched = next(p for p in shop.folder.rglob("*") if p.is_file())
    touched.touch()  # its time changed, and its content did not
    assert shop.check() == "read 0 of 5 files of purchases"


def test_places_of_broken_rows_are_those_of_all_files_end_to_end(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "csv")
    for number in range(40):
        shop.put(number)
    shop.put(3, broken=2)
    assert shop.opened().rejected["row_number"].tolist() == [37, 38]
    shop.drop(1)
    assert shop.opened().rejected["row_number"].tolist() == [25, 26]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: setattr(s, "mapping", {"currency": "USD"}), "the mapping changed"),
        (lambda s: setattr(s, "store", RowStore(s.store.folder, key="j", code="c")), "the key of the"),
        (lambda s: setattr(s, "store", RowStore(s.store.folder, key="k", code="d")), "code changed"),
        (lambda s: setattr(s, "today", "2026-01-04"), "the clock went back"),
        (lambda s: s.write(3, lines(3).rename(columns={"transaction_id": "n"})), "different columns"),
        (lambda s: s.write(3, lines(3).assign(unit_spend="1.234,50")), "not written alike"),
        (lambda s: s.write(3, lines(3).assign(transaction_date="3.1.2026")), "must be looked at"),
        (lambda s: (s.store.folder / "state.json").write_text("{"), "cannot be read"),
        (lambda s: next(s.store.folder.rglob("*.parquet")).unlink(), "missing or damaged"),
        (lambda s: next(s.store.folder.rglob("*.parquet")).write_bytes(b"x"), "missing or damaged"),
        (lambda s: [s.drop(n) for n in range(1, 6)], "one file"),
        (lambda s: [s.write(n, lines(n).assign(status="paid")) for n in range(6)], "became of orders"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_up_is_read_again_and_said(tmp_path: Path, change, says: str) -> None:
    shop = Shop(tmp_path / "shop", "csv")
    for number in range(6):
        shop.put(number)
    shop.check()
    change(shop)
    read = shop.check()
    assert read == "refused" or (read.startswith("all rows were read: ") and says in read), read


def test_rows_of_a_key_told_twice_are_merged_over_files(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "csv", keys=True)
    for number in range(4):
        shop.put(number)
    shop.check()
    shop.write(
        60, lines(2, keys=True).head(1).assign(unit_spend="5.00", transaction_date="2026-03-01 09:00:00")
    )
    assert "repeat a key of earlier files" in shop.check()
    found = shop.opened()
    assert found.accounts["transactions"].kept == 4 * 12
    assert 5.0 in found.collect(found.transactions)["unit_spend"].tolist()


def test_what_is_kept_is_private_and_nothing_is_left_over(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "csv")
    for number in range(4):
        shop.put(number)
    shop.opened()
    (shop.store.folder / "abandoned").mkdir()
    (shop.store.folder / "abandoned" / "rows.parquet").write_bytes(b"of a run that was killed")
    shop.put(2, seed=1)
    shop.opened()
    state = json.loads((shop.store.folder / "state.json").read_text())
    there = {p.relative_to(shop.store.folder).as_posix() for p in shop.store.folder.rglob("*") if p.is_file()}
    assert there == {*state["files"], "state.json"}
    assert shop.store.folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in shop.store.folder.rglob("*") if p.is_file()} == {0o600}


def test_somebody_forgotten_is_not_kept(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "csv")
    for number in range(4):
        shop.put(number)
    shop.opened()
    shop.store = RowStore(
        shop.store.folder, key="k", code="c", barred=lambda ids: [i for i in ids if i == "new"]
    )
    shop.write(5, lines(5).assign(customer_id="new"))
    assert "forgotten is still in the source" in shop.check()
    assert not list(shop.store.folder.rglob("*.parquet"))
    shop.drop(5)
    shop.check()
    assert shop.check() == "read 0 of 4 files of purchases"


def test_a_full_disk_stops_no_night_and_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", "csv")
    for number in range(4):
        shop.put(number)
    shop.opened()
    before = (shop.store.folder / "state.json").read_bytes()
    shop.put(5)
    with monkeypatch.context() as full:
        full.setattr("crm_analytics.tables.row_store._sync", _full)
        assert "cannot be kept" in shop.check()
    assert (shop.store.folder / "state.json").read_bytes() == before
    assert shop.check() == "read 1 of 5 files of purchases"


def _full(path: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_saved_base_has_the_kept_rows_and_days(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(4):
        shop.put(number)
    mine = shop.opened()
    saved = CustomerBase.open(mine.save(tmp_path / "saved"))
    assert saved.data_hash == mine.data_hash
    for made in ("customer_days", "customer_history", "transactions"):
        pd.testing.assert_frame_equal(*(canonical(b.collect(getattr(b, made))) for b in (mine, saved)))
    assert saved.snapshot.customers is not None
    early = mine.as_of("2026-01-02")
    again = CustomerBase.open(early.save(tmp_path / "early"))
    pd.testing.assert_frame_equal(*(canonical(b.collect(b.customer_days)) for b in (early, again)))


class GrowingFile(Shop):
    """All purchases in one Parquet file, a row group for each day's lines."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "parquet")
        self.days: dict[int, pd.DataFrame] = {}

    def write(self, number: int, frame: pd.DataFrame) -> None:
        self.days[number] = frame.assign(
            transaction_date=pd.to_datetime(frame["transaction_date"]).astype("datetime64[us]")
        )
        self.lay()

    def drop(self, number: int) -> None:
        del self.days[number]
        self.lay()

    def lay(self) -> None:
        tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in self.days.values()]
        with pq.ParquetWriter(self.folder / "transactions.parquet", tables[0].schema) as file:
            for table in tables:
                file.write_table(table)


def test_of_one_file_that_grows_only_new_row_groups_are_read(tmp_path: Path) -> None:
    shop = GrowingFile(tmp_path / "shop")
    for number in range(5):
        shop.put(number)
    assert shop.check() == "all rows were read: nothing was kept yet"
    assert shop.check() == "read 0 of 5 row groups of purchases"
    shop.put(60)
    assert shop.check() == "read 1 of 6 row groups of purchases"
    shop.put(3, seed=1)  # rows in the middle are corrected
    assert shop.check() == "read 1 of 6 row groups of purchases"
    shop.put(2, broken=0, rows=7)  # and lost: the place of every later row is another
    assert shop.check() == "read 1 of 6 row groups of purchases"
    shop.drop(60)
    assert shop.check() == "read 0 of 5 row groups of purchases; 1 is gone"


def test_a_file_that_was_sorted_anew_is_read_anew(tmp_path: Path) -> None:
    shop = GrowingFile(tmp_path / "shop")
    for number in range(4):
        shop.put(number)
    shop.check()
    shop.days = {n: frame.iloc[::-1] for n, frame in reversed(shop.days.items())}
    shop.lay()
    assert shop.check() in (
        "read 4 of 4 row groups of purchases", "all rows were read: the first file of purchases changed"
    )  # fmt: skip


def test_customers_are_counted_anew_where_something_came_or_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes of many nights, and all written anew after some of them, tell what all rows tell."""
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(5):
        shop.put(number, rows=60)
    shop.check()

    def files() -> int:
        return len(json.loads((shop.store.folder / "state.json").read_text())["customers"]["files"])

    assert files() == 1
    for number, many in ((20, 2), (21, 2), (22, 1), (23, 2)):
        shop.put(number, rows=5)
        if number == 21:
            shop.write(21, lines(21).assign(customer_id="guest checkout"))
        if number == 22:  # changes are too many to be read beside the others
            monkeypatch.setattr(kept_customers, "_FEW", 1)
        if number == 23:
            monkeypatch.undo()
        assert shop.check().startswith("read 1 of")
        assert files() == many
    shop.drop(21)  # and nobody is called so any more
    shop.check()
    assert not [f for f in shop.opened().findings if "guest checkout" in f.settles]
    kept = [path.read_bytes() for path in shop.store.folder.rglob("*") if path.is_file()]
    assert not any(b"guest checkout" in content for content in kept)


def test_a_late_row_costs_its_day_and_the_turn_of_a_month_makes_it_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(70, 100):  # to 10 April, with late rows of February
        shop.put(number)
    shop.check()

    def periods() -> dict[str, list[str]]:
        return json.loads((shop.store.folder / "state.json").read_text())["days"]

    before = periods()
    assert {len(name) for name in before} == {len("2026-02"), len("2026-03-01")}
    shop.write(101, lines(101, rows=3).assign(transaction_date="2026-04-12 09:00:00"))
    shop.check()
    after = periods()
    assert {name for name in after if after[name] != before.get(name)} == {"2026-04-12"}
    shop.write(130, lines(130, rows=3).assign(transaction_date="2026-05-02 09:00:00"))
    shop.check()
    after = periods()
    assert "2026-03" in after
    assert not [name for name in after if name.startswith("2026-03-")]


def test_two_nights_at_once_wait_for_each_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(4):
        shop.put(number)
    shop.opened()
    shop.put(9)
    with ThreadPoolExecutor(2) as both:
        one, two = [made.result() for made in [both.submit(shop.opened) for _ in range(2)]]
    assert (one.data_hash, one.counts) == (two.data_hash, two.counts)
    assert sorted((one.snapshot.reading, two.snapshot.reading)) == [
        "read 0 of 5 files of purchases", "read 1 of 5 files of purchases"
    ]  # fmt: skip
    assert shop.check() == "read 0 of 5 files of purchases"


def test_a_state_of_another_version_is_not_used(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(4):
        shop.put(number)
    shop.opened()
    place = shop.store.folder / "state.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"schema": 1}))
    assert shop.check() == "all rows were read: the kept rows are of another version"


def test_a_file_written_while_it_is_read_is_kept_for_no_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", "parquet")
    for number in range(4):
        shop.put(number)
    shop.opened()
    shop.put(9)
    real = kept_merge.write_by

    def writing(*given: object) -> None:
        real(*given)
        shop.put(2, seed=5)

    with monkeypatch.context() as during:
        during.setattr(kept_merge, "write_by", writing)
        shop.opened()  # the night's own check of a source at rest refuses it
    assert "read" in shop.check()
    assert shop.check() == "read 0 of 5 files of purchases"
