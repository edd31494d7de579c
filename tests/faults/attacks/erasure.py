"""Erasure: whoever is told to be gone is gone, whatever was lost, mistyped or killed."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import identity
from crm_analytics.runs.publishing import erasure, identity_store, publish, published_tree, score_places
from crm_analytics.runs.publishing.publish import Place
from crm_analytics.runs.time_limit import time_limit
from crm_analytics.tables.export import pseudonyms, read_csv
from crm_analytics.tables.project_key import read_key
from crm_analytics.tables.regular_files import append_line
from crm_analytics.tables.warehouse import write_table
from crm_analytics.tables.warehouse_rows import Stamp
from crm_analytics.tables.warehouse_target import target_of
from tests.faults.attacks import Tries, attack, crm, everything, files_with, project, sell, wave

WHO = "K0039"  # bought last: on the welcome list
STEPS = ("replace", "rename", "unlink", "rmdir", "mkdir", "open")


def traces(root: Path) -> list[str]:
    """Files that still tell of the person, by id, name, mail, phone or pseudonym."""
    (called,) = pseudonyms([WHO], read_key(root) or b"0" * 16)
    told = (WHO, "Zqxkanari39", "mail39@", "01700139", str(called))
    return files_with(root / "reports", *told) + files_with(root / "marts", *told)


def published(folder: Path, name: str = "p", more: str = "show_customers = true\n") -> Path:
    """A project with a wave that names its people, and a run of the shop's data."""
    root = project(folder, name)
    assert wave(root, more=more).status == "done"  # type: ignore[attr-defined]
    base = CustomerBase.open(root / "data" / "shop", today="2026-03-04")
    about = {"as_of": str(base.day), "status": "done", "data": {"source": "shop", "hash": base.data_hash}}
    files = {"page.html": f"<p>{WHO}".encode(), "manifest.json": json.dumps(about).encode()}
    files["lists/at_risk.csv"] = f"customer_id,email\n{WHO},mail39@kanari.example\n".encode()  # of the page
    place = Place(root / "reports", "segments", "2026-03-01")
    publish.publish(place, "20260304T020000Z-aaaaaaaa", files, {"day": str(base.day)}, 12)
    beside(root, base, place.folder / "runs" / "20260304T020000Z-aaaaaaaa")
    return root


def beside(root: Path, base: CustomerBase, run: Path) -> None:
    """All else that remembers people: a mail, a PDF, who is who, rows kept for the next night, scores."""
    (run / "mail").mkdir()
    (run / "mail" / "sent.eml").write_text(f"to the boss, of {WHO}")
    (run / "page.pdf").write_text(f"%PDF-1.4 {WHO}")
    out, key = root / "reports", read_key(root) or b""
    night = identity.resolve(base, key=key, model=False)
    identity_store.write(identity_store.path_of(out, "shop"), night.memory, key, "shop")
    rows = out / ".crm" / "rows-0123456789ab"
    rows.mkdir()
    people = pd.DataFrame({"customer_id": [f"K{i:04}" for i in range(40)], "value": 1.5})
    people.to_parquet(rows / "transactions.parquet")
    (root / "marts").mkdir()
    engine = ibis.duckdb.connect()
    made = engine.create_table("made", people)
    for place in ("scores.parquet", "scores.sqlite::scores", "scores.duckdb::scores"):
        target = target_of(place, folder=root / "marts")
        stamp = Stamp(date(2026, 3, 1), "shop", "", "1", "0")
        known = score_places.place_of(out, target, "shop", has_customers=True, called=False)
        score_places.remember(out, known)
        write_table(engine, target, made, stamp, key=["customer_id"])


@attack("1 erasure")
def the_person_is_gone_from_every_file(folder: Path) -> Tries:
    root = published(folder)
    yield "the person stands there before", len(traces(root)) >= 3
    (folder / "elsewhere").mkdir()
    arguments = (WHO, "--data", str(root / "data" / "shop"), "--out", str(root / "reports"))
    code, _, _ = crm(folder / "elsewhere", "forget", *arguments)
    yield "only listed without --yes", code == 0 and len(traces(root)) >= 3
    code, _, _ = crm(folder / "elsewhere", "forget", *arguments, "--yes")
    yield "called from elsewhere", code == 0 and not traces(root)
    yield "no key is made elsewhere", not (folder / "elsewhere" / ".crm-key").exists()
    lines = [json.loads(line) for line in (root / ".crm-audit.jsonl").read_text().splitlines()]
    yield (
        "it is logged who did what and when",
        [one["what"] for one in lines] == ["forget begins", "forget done"],
    )
    yield "the log names nobody", not files_with(root, WHO + '"') and WHO not in str(lines)
    yield "the log is private", (root / ".crm-audit.jsonl").stat().st_mode & 0o077 == 0
    shutil.rmtree(root / "reports" / "segments", ignore_errors=True)
    for day, more in (("2026-03-09", ""), ("2026-03-17", "cap = 9\n")):
        sell(root, day)
        again = wave(root, pd.Timestamp(f"{day} 23:00", tz="UTC"), "show_customers = true\n" + more)
        yield (
            f"not contacted on {day} from a source not cleaned yet",
            (
                again.status == "done" and not traces(root)  # type: ignore[attr-defined]
            ),
        )


@attack("1 erasure")
def no_false_all_clear(folder: Path) -> Tries:
    root = published(folder)
    before = everything(root / "reports")
    shop, out = str(root / "data" / "shop"), str(root / "reports")
    shutil.copytree(root / "data" / "shop", folder / "renamed")
    (folder / "nothing").mkdir()
    cases = [
        ("mistyped --out", (WHO, "--data", shop, "--out", str(folder / "nothing")), 2),
        ("--out that is not there", (WHO, "--data", shop, "--out", str(folder / "nowhere")), 2),
        ("source of another name", (WHO, "--data", str(folder / "renamed"), "--out", out), 2),
        ("mistyped id", ("K00039", "--data", shop, "--out", out), 3),
        ("id in another case", ("k0039", "--data", shop, "--out", out), 3),
    ]
    for what, arguments, wanted in cases:
        code, _, said = crm(folder, "forget", *arguments, "--yes")
        yield (
            f"{what} is refused in words",
            code == wanted and len(said) > 20 and everything(root / "reports") == before,
        )
    code, _, _ = crm(
        folder, "forget", WHO, "--data", str(folder / "renamed"), "--out", out, "--known-as", "shop", "--yes"
    )
    yield "a renamed source is found by its old name", code == 0 and not traces(root)


@attack("1 erasure")
def without_the_key_nothing_is_said_to_be_gone(folder: Path) -> Tries:
    root = published(folder)
    before, key = everything(root / "reports"), (root / ".crm-key").read_text()
    arguments = ("forget", WHO, "--data", "shop", "--yes")
    (root / ".crm-key").unlink()
    code, _, said = crm(root, *arguments)
    yield "lost key", code == 2 and "Bring the key back" in said and not (root / ".crm-key").exists()
    (root / ".crm-key").write_text("ab" * 32 + "\n")
    code, _, said = crm(root, *arguments)
    yield "another key", code == 2 and "another key" in said and everything(root / "reports") == before
    (root / "reports" / ".crm" / "tree.json").unlink()
    code, _, _ = crm(root, *arguments)
    yield "another key, and the tree has lost its record", code == 2
    record = root / "reports" / "lists" / "weekly" / "2026-03-01" / "wave.json"
    about = json.loads(record.read_text())
    record.write_text(json.dumps({n: v for n, v in about.items() if n not in ("key", "source")}))
    code, _, _ = crm(root, *arguments)
    yield (
        "another key, and a wave of an earlier version",
        code == 2 and bool(files_with(root / "reports", WHO)),
    )
    (root / ".crm-key").write_text(key)
    code, _, _ = crm(root, *arguments)
    yield "the right key again", code == 0 and not traces(root)


@attack("1 erasure")
def a_key_in_a_folder_above_is_nobodys(folder: Path) -> Tries:
    (folder / ".crm-key").write_text("ef" * 32 + "\n")
    root = published(folder)
    tree = root / "reports" / ".crm" / "tree.json"
    arguments = (
        "forget",
        WHO,
        "--data",
        str(root / "data" / "shop"),
        "--out",
        str(root / "reports"),
        "--yes",
    )
    key = (root / ".crm-key").read_text()
    (root / ".crm-key").unlink()
    code, _, said = crm(folder, *arguments)
    yield "own key lost, another one above", code == 2 and "Bring the key back" in said and bool(traces(root))
    about = tree.read_text()
    tree.unlink()
    code, _, _ = crm(folder, *arguments)
    yield "the tree has lost its record, too", code == 2 and bool(traces(root))
    (root / ".crm-key").write_text(key)
    yield "the key that made the lists is found", published_tree.project_of(root / "reports") == root
    tree.write_text(about)
    (root / ".crm-key").write_text("no key at all")
    yield "the project stays its own", published_tree.project_of(root / "reports") == root
    (root / ".crm-key").write_text(key)
    code, _, _ = crm(folder, *arguments)
    yield "with its key the person goes", code == 0 and not traces(root)
    yield "the log lies in the project", not (folder / ".crm-audit.jsonl").exists()


class Killed(BaseException):
    """As kill -9: nothing is cleaned up behind it."""


def killed_at(step: int, under: Path, work: object) -> bool:
    """Do it, and die at a step of the file system below a folder; whether it died."""
    real = {name: getattr(os, name) for name in STEPS}
    count, dead = 0, False

    def wrapped(name: str) -> object:
        def one(*arguments: object, **options: object) -> object:
            nonlocal count, dead
            reads = name == "open" and not int(arguments[1]) & (os.O_WRONLY | os.O_RDWR)  # type: ignore[call-overload]
            here = options.get("dir_fd") is not None or str(arguments[0]).startswith(str(under))
            if dead and here and not reads:
                raise Killed  # a dead process cleans nothing up
            if here and not reads:
                count += 1
                if count == step:
                    dead = True
                    raise Killed
            return real[name](*arguments, **options)

        return one

    for name in STEPS:
        setattr(os, name, wrapped(name))
    try:
        work()  # type: ignore[operator]
    except Killed:
        pass
    finally:
        for name, function in real.items():
            setattr(os, name, function)
    return dead


def kills(folder: Path, steps: range) -> Tries:
    """Erasure killed at some of its steps, and called again: the person is gone."""
    made = published(folder, "made")
    base = CustomerBase.open(made / "data" / "shop", today="2026-03-04")
    for step in steps:
        root = folder / f"at{step}"
        shutil.copytree(made, root)
        out = root / "reports"
        key = published_tree.key_for(out, root)

        def erase(out: Path = out, root: Path = root, key: bytes = key) -> None:
            found = erasure.find(out, root, base, WHO, "shop")
            erasure.erase(out, found, WHO, key, date(2026, 3, 4))

        died = killed_at(step, root, erase)
        if died:
            listed = read_members(out)
            erase()
            yield f"killed at step {step}", not traces(root) and listed == read_members(out)
        shutil.rmtree(root)
        if not died:
            return


def read_members(out: Path) -> list[str]:
    """Whom the list names, but for the person."""
    rows = read_csv(out / "lists" / "weekly" / "2026-03-01" / "welcome.csv")
    return [one for one in rows["customer_id"] if one != WHO]


@attack("1 erasure")
def killed_at_some_steps(folder: Path) -> Tries:
    yield from kills(folder, range(1, 60, 6))


@attack("1 erasure", slow=True)
def killed_at_every_step(folder: Path) -> Tries:
    yield from kills(folder, range(1, 400))


@attack("1 erasure")
def nothing_hides_where_nobody_looks(folder: Path) -> Tries:
    root = published(folder)
    weekly = root / "reports" / "lists" / "weekly"
    shutil.copytree(weekly / "2026-03-01", weekly / ".part-2026-03-02")
    shutil.copytree(weekly / "2026-03-01", weekly / ".torn-2026-02-01")
    (weekly / "2026-03-01" / f".welcome.csv.{os.getpid()}.part").write_text(f"{WHO}\n")
    half = root / "reports" / "segments" / "2026-03-01" / "runs" / ".part-x"
    half.mkdir()
    (half / "page.html").write_text(WHO)
    lost = root / "reports" / "segments" / "2026-03-01" / "runs" / "20260303T020000Z-bbbbbbbb"
    lost.mkdir()
    (lost / "page.html").write_text(WHO)  # its record was torn
    code, _, _ = crm(root, "forget", WHO, "--data", "shop", "--yes")
    yield "drafts, waves set aside, and runs without a record", code == 0 and not traces(root)
    (weekly / "2026-03-01" / "old.parquet").write_bytes(b"PAR1 torn")
    code, _, said = crm(root, "forget", WHO, "--data", "shop", "--yes")
    yield "a file that cannot be read is named", code == 3 and "old.parquet" in said


def _lost(out: Path) -> dict[str, Callable[[], None]]:
    """How the memory of who was forgotten gets lost, in part, whole, or with its witnesses."""
    path, tree = out / ".crm" / "suppressions.json", out / ".crm" / "tree.json"
    log = out.parent / ".crm-audit.jsonl"
    about = json.loads(path.read_text())

    def less(keep: object, *gone: Path) -> Callable[[], None]:
        def lose() -> None:
            path.write_text(json.dumps({**about, "tokens": keep}))
            for each in gone:
                each.unlink(missing_ok=True)

        return lose

    def delete(*more: Path) -> Callable[[], None]:
        return lambda: [shutil.rmtree(p) if p.is_dir() else p.unlink() for p in (path, *more)] and None  # type: ignore[func-returns-value]

    return {
        "deleted": delete(),
        "without anything in it": lambda: path.write_text("") and None,
        "an empty object": lambda: path.write_text("{}") and None,
        "an empty list": less([]),
        "an older copy": less(about["tokens"][:1]),
        "words as tokens": less(["abc", "def"]),
        "a text as tokens": less("ab" * 32),
        "deleted with the tree's record": delete(tree),
        "deleted with the log": delete(log),
        "emptied with the tree's record": less([], tree),
        "all that begins with a dot but the key": delete(tree.parent, log),
    }


@attack("1 erasure")
def who_was_forgotten_is_not_forgotten(folder: Path) -> Tries:
    made = published(folder, "made")
    for who in (WHO, "K0038"):
        assert crm(made, "forget", who, "--data", "shop", "--yes")[0] == 0
    sell(made, "2026-03-02")
    wave(made, pd.Timestamp("2026-03-09 02:00", tz="UTC"), "every = '1d'\n")
    for what in _lost(made / "reports"):
        root = folder / "at"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(made, root)
        quiet = wave(root, pd.Timestamp("2026-03-09 04:00", tz="UTC"))
        yield f"{what}: nothing to make before", quiet.status == "unchanged"  # type: ignore[attr-defined]
        _lost(root / "reports")[what]()
        quiet = wave(root, pd.Timestamp("2026-03-09 05:00", tz="UTC"))
        told = quiet.status == "failed" and "must not be contacted" in quiet.message  # type: ignore[attr-defined]
        yield f"{what}: a night with nothing to make says so", told
        (root / "reports" / "lists" / "weekly" / "failed.json").unlink(missing_ok=True)
        sell(root, "2026-03-09")
        after = pd.Timestamp("2026-03-17 02:00", tz="UTC")
        more = "cap = 9\nshow_customers = true\n"
        night = wave(root, after, more)
        told = night.status == "failed" and "must not be contacted" in night.message  # type: ignore[attr-defined]
        yield f"{what}: refused in words: {night.message[:60]}", told  # type: ignore[attr-defined]
        if what == "deleted":
            for who in (WHO, "K0038"):
                crm(root, "forget", who, "--data", "shop", "--yes")
            yield "forgotten again, it works", wave(root, after, more).status == "done"  # type: ignore[attr-defined]
            yield "and still nobody is contacted", not traces(root)
        if what == "an empty list":
            path = root / "reports" / ".crm" / "suppressions.json"
            path.write_text('{"tokens": [], "lost": 2}')
            yield "given up by hand, it works", wave(root, after, more).status == "done"  # type: ignore[attr-defined]
    root = folder / "at"
    shutil.rmtree(root)
    shutil.copytree(made, root)
    path = root / "reports" / ".crm" / "suppressions.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "key": "0" * 12}))
    sell(root, "2026-03-09")
    night = wave(root, pd.Timestamp("2026-03-17 02:00", tz="UTC"))
    yield "of another key", night.status == "failed" and "another key" in night.message  # type: ignore[attr-defined]


@attack("1 erasure")
def files_for_partners_are_found(folder: Path) -> Tries:
    root, away = published(folder), folder / "away"
    away.mkdir()
    (root / ".crm-partner-secret").write_text("ab" * 32)
    (root / ".crm-partner-secret").chmod(0o600)
    made = [root / "for_alba.csv", away / "for_bean.csv", root / "data" / "öl und korn.csv"]
    for path in made:
        code, _, said = crm(root, "tokens", "--data", "shop", "--company", "tea", "--out", str(path))
        yield f"{path.name} is made: {said[:60]}", code == 0 and path.is_file()
    rows = len(read_csv(made[0]))
    mine = away / "mine.csv"
    crm(root, "tokens", "--data", "shop", "--company", "tea", "--out", str(mine))
    mine.write_text("my own file\n")
    code, _, said = crm(root, "forget", WHO, "--data", "shop")
    yield "each is named", code == 0 and all(path.name in said for path in made)
    yield "and none is gone without --yes", all(path.is_file() for path in made)
    code, _, said = crm(root, "forget", WHO, "--data", "shop", "--yes")
    yield "with --yes they are gone", code == 0 and not any(path.exists() for path in made)
    yield f"and said to be: {said}", all(path.name in said for path in made) and "Whoever got them" in said
    yield "a file that is no such file now stays", mine.read_text() == "my own file\n"
    crm(root, "tokens", "--data", "shop", "--company", "tea", "--out", str(made[0]))
    yield "made again, it leaves out who was forgotten", len(read_csv(made[0])) == rows - 1
    (root / ".crm-audit.jsonl").unlink()
    (root / ".crm-audit.jsonl").mkdir()
    code, _, said = crm(root, "tokens", "--data", "shop", "--company", "tea", "--out", str(made[1]))
    yield "what cannot be written down is not made", code in (3, 6) and not made[1].exists()


def a_socket(path: Path) -> None:
    """Leaves its place in the folder when it is closed."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@attack("9 limits")
def a_log_that_is_no_file_ends_in_words(folder: Path) -> Tries:
    made, root = published(folder), folder / "at"
    (made / "old").write_text("old\n")
    for kind, stand_in in {
        "a pipe": os.mkfifo,
        "a device": lambda path: path.symlink_to("/dev/null"),
        "a folder": Path.mkdir,
        "a link to another file": lambda path: path.symlink_to("old"),
        "a link to nothing": lambda path: path.symlink_to("nowhere"),
        "a socket": a_socket,
    }.items():
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(made, root)
        stand_in(root / ".crm-audit.jsonl")  # type: ignore[operator]
        for arguments in (
            ("forget", WHO, "--data", "shop", "--yes"),
            ("reveal", "c-aaaaaaaaaa", "--data", "shop"),
            ("customer", WHO, "--data", "shop", "--show-customer", "--no-models"),
        ):
            with time_limit(60, "it hangs"):
                code, out, said = crm(root, *arguments)
            refused = code in (3, 6) and ".crm-audit.jsonl" in said and WHO not in out
            yield f"{kind}, {arguments[0]}: {code} {said[:80]}", refused and bool(traces(root))
        yield f"{kind}: nothing else was written to", (root / "old").read_text() == "old\n"
    log = folder / "log"
    log.write_bytes(b'{"torn')
    append_line(log, '{"what": "whole"}', 0o600)
    yield "a line behind a torn one is whole", log.read_text().splitlines()[-1] == '{"what": "whole"}'
