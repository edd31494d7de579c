"""What leaves the house: pseudonyms, their key, and CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import re
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.export import ensure_key, pseudonyms, read_csv, write_csv

KEY = b"0123456789abcdef"


def test_pseudonyms_have_one_form_and_keep_ids_apart() -> None:
    names = pseudonyms([str(i) for i in range(20_000)], KEY)
    assert len(set(names)) == 20_000
    assert all(re.fullmatch(r"c-[a-z2-7]{10}", n) for n in names if n)


def test_pseudonyms_depend_on_id_and_key_alone() -> None:
    assert pseudonyms(["a", "b"], KEY) == pseudonyms(["b", "a"], KEY)[::-1]
    assert pseudonyms(["a"], KEY) != pseudonyms(["a"], b"another key of ours")
    assert pseudonyms(["00123"], KEY) != pseudonyms(["123"], KEY)


def test_pseudonyms_leave_nobody_alone() -> None:
    assert pseudonyms(pd.Series(["a", None], dtype="str"), KEY)[1] is None


def test_short_key_says_how_long_it_must_be() -> None:
    with pytest.raises(PublishError, match="at least 16"):
        pseudonyms(["a"], b"short")


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_key(tmp_path))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(found)) == 1
    assert (tmp_path / ".crm-key").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [".crm-key"]


def test_key_open_to_others_is_closed(tmp_path: Path) -> None:
    key = ensure_key(tmp_path)
    (tmp_path / ".crm-key").chmod(0o644)
    assert ensure_key(tmp_path) == key
    assert (tmp_path / ".crm-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "hello", "ab" * 8, "é"])
def test_damaged_key_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / ".crm-key").write_text(content, encoding="utf-8")
    with pytest.raises(PublishError, match="does not hold a key"):
        ensure_key(tmp_path)


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'=1",
    "''-1",
    "'quoted'",
    "plain",
    'a "b", c\nd',
    "NA",
    "00123",
    "\u202eevil",
    "\u200b",
    "a\x00b",
    "é" * 100_000,
]


def test_no_text_in_the_file_is_a_formula(tmp_path: Path) -> None:
    path = write_csv(pd.DataFrame({"=name": HOSTILE, "n": range(len(HOSTILE))}), tmp_path / "out.csv")
    cells = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    assert cells[0] == ["'=name", "n"]
    assert not [c for row in cells for c in row[:1] if c[:1] in "=+-@\t\r\n＝＋－＠" and c]


def test_round_trip_gives_the_texts_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": HOSTILE, "=x": HOSTILE[::-1]}, dtype="str")
    back = read_csv(write_csv(frame, tmp_path / "out.csv"))
    pd.testing.assert_frame_equal(back, frame)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet="='+-@\t\r\n＝\" ,a1\x00é", min_size=1), min_size=1))
def test_round_trip_law_holds_for_any_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "out.csv"
    assert read_csv(write_csv(pd.DataFrame({"t": texts}), path))["t"].tolist() == texts


def test_numbers_and_days_stay_what_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "revenue": [-1.5, 2.25, None],
            "orders": [-3, 0, 7],
            "day": pd.to_datetime(["1997-01-01", "1997-01-02", None]),
            "segment": pd.Categorical(["=a", "b", None]),
            "mixed": [-1, "-1", None],
        }
    )
    text = write_csv(frame, tmp_path / "out.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1] == "-1.5,-3,1997-01-01,'=a,-1"
    assert text.splitlines()[2] == "2.25,0,1997-01-02,b,'-1"
    back = read_csv(tmp_path / "out.csv", numbers=["revenue", "orders"])
    pd.testing.assert_frame_equal(back[["revenue", "orders"]], frame[["revenue", "orders"]])
    assert frame["segment"].tolist()[0] == "=a"


def test_file_is_closed_to_others_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = write_csv(pd.DataFrame({"a": []}), tmp_path / "out.csv")
    assert path.stat().st_mode & 0o007 == 0
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    with pytest.raises(PublishError, match="cannot be written"):
        write_csv(pd.DataFrame({"a": []}), tmp_path / "missing" / "out.csv")


def test_reading_something_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not a CSV file in UTF-8"):
        read_csv(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("a\nx\n")
    with pytest.raises(DataError, match="no column 'a' of numbers"):
        read_csv(tmp_path / "y.csv", numbers=["a"])
