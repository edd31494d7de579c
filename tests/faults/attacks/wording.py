"""The right words: what went wrong gets its class and exit code, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from crm_analytics.errors import in_words
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.publish import Place
from tests.faults.attacks import Tries, attack, crm, project

TOML = [
    "workers = 'two'",
    "keep = 0",
    "[source.s]\npath = 5",
    "[source]\ns = 5",
    "source = 5",
    "[source.s]\npath = 'x'\n[[report]]\nname = 5\nsource = 's'",
    "[source.s]\npath = 'x'\n[[report]]\nname = 'segments'\nsource = ['s']",
    "[source.s]\npath = 'x'\n[[report]]\nname = 'segments'\nsource = 's'\nparameters = 5",
    '[source.s]\npath = "a\\u0000b"\n[[report]]\nname = "segments"\nsource = "s"',
    "[source.s]\npath = '~nouser-of-this-name/x'\n[[report]]\nname = 'segments'\nsource = 's'",
    "[source.s]\npath = 'x'\nmapping = '~nouser-of-this-name/x'\n[[report]]\nname = 'segments'\nsource = 's'",
    "out = '~nouser-of-this-name/x'\n[source.s]\npath = 'x'\n[[report]]\nname = 'segments'\nsource = 's'",
    "x = " + "[" * 20_000,
    "# " + "x" * (2 << 20),
    "[[list]]\nname = 5",
    "report = 5",
]


@attack("10 words")
def a_wrong_schedule_is_a_parameter(folder: Path) -> Tries:
    root = project(folder)
    for text in TOML:
        (root / "crm.toml").write_text(text)
        code, _, said = crm(root, "run", "crm.toml", "--dry-run")
        yield text[:60].replace("\n", " "), code == 2 and "should not" not in said
    (root / "crm.toml").write_bytes(
        b"\xef\xbb\xbf[source.shop]\npath = 'data/shop'\n[[report]]\nname = 'segments'\nsource = 'shop'\n"
    )
    code, _, _ = crm(root, "run", "crm.toml", "--dry-run")
    yield "a mark of UTF-8 at its head is taken", code == 0
    (root / "loop").symlink_to("loop")
    for arguments in (
        ("run", "loop"),
        ("check", "loop"),
        ("report", "./loop.ipynb", "--data", "shop"),
        ("check", "a\x00b"),
    ):
        code, _, said = crm(root, *arguments)
        yield " ".join(arguments).replace("\x00", "\\0"), code in (2, 3) and "should not" not in said
    code, _, said = crm(root, "report", "segments", "--data", "shop", "-p", "bins=\udc80")
    yield "a parameter that is no text", code == 2 and "should not" not in said


@attack("10 words")
def what_the_system_refuses_is_a_limit(folder: Path) -> Tries:
    import duckdb
    import pyarrow as pa

    for error, code in (
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), 5),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 5),
        (OSError(errno.EMFILE, "Too many open files"), 5),
        (OSError(errno.ENFILE, "Too many open files in system"), 5),
        (MemoryError(), 5),
        (duckdb.OutOfMemoryException("x"), 5),
        (duckdb.IOException('Could not write file "/tmp/x": No space left on device'), 5),
        (duckdb.IOException('Cannot open file "/tmp/x": Too many open files'), 5),
        (pa.ArrowMemoryError("x"), 5),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y.csv"), 3),
        (OSError(errno.EIO, "Input/output error", "/x/y.csv"), 3),
        (UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"), 2),
        (ValueError("embedded null byte"), 2),
        (RuntimeError("Could not determine home directory."), 2),
        (RecursionError("maximum recursion depth exceeded"), 2),
        (KeyError("x"), 4),
    ):
        yield f"{type(error).__name__} {error}"[:60], in_words(error).exit_code == code
        try:
            try:
                raise error
            except Exception as inner:
                raise RuntimeError("a library wrapped it") from inner
        except RuntimeError as outer:
            yield f"wrapped: {type(error).__name__}", in_words(outer).exit_code == code


@attack("10 words")
def what_killed_runs_left_is_swept_by_every_command(folder: Path) -> Tries:
    dead = 4_000_000  # beyond the largest process id
    for arguments in (("list",), ("index",), ("check", "x.csv"), ("demo",)):
        left = Path(tempfile.gettempdir()) / f"crm-scratch-{dead}-{os.getpid()}"
        left.mkdir(exist_ok=True)
        (left / "utf8.csv").write_text("Ann Vogel")
        crm(folder, *arguments)
        yield f"crm {arguments[0]}", not left.exists()


@attack("10 words")
def pages_named_by_their_day_do_not_grow_without_end(folder: Path) -> Tries:
    out = folder / "reports"
    for number in range(1, 16):
        place = Place(out, "segments", f"2026-01-{number:02}")
        files = {"page.html": b"x", "manifest.json": b"{}"}
        with publish.locked(place):
            publish.publish(place, f"202601{number:02}T020000Z-aaaaaaaa", files, {"day": place.slug}, 4)
    left = sorted(p.name for p in (out / "segments").iterdir())
    yield "the last four days stay", left == [f"2026-01-{n}" for n in (12, 13, 14, 15)]
    chosen = Place(out, "segments", "spring")
    publish.publish(chosen, "20260101T020000Z-bbbbbbbb", {"page.html": b"x", "manifest.json": b"{}"}, {}, 1)
    old = Place(out, "segments", "2020-01-31")
    publish.publish(old, "20260120T020000Z-cccccccc", {"page.html": b"x", "manifest.json": b"{}"}, {}, 1)
    left = sorted(p.name for p in (out / "segments").iterdir())
    yield (
        "a day made last stays, however old, and so does a name that was chosen",
        left == ["2020-01-31", "spring"],
    )
