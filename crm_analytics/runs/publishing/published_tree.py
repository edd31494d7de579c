"""A folder of reports as one thing: whose it is, with which key it was made, which notebook has which name.

::

    reports/.crm/tree.json          the project, the key's fingerprint, which notebook has which name
    reports/.crm/suppressions.json  see `suppressions`

Two projects that publish into one folder would overwrite each other every night, and a list made with
another key knows nobody that was contacted: both are refused in words.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from crm_analytics.errors import ParameterError, PublishError
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.wave_folders import LISTS, key_of_wave, waves_of
from crm_analytics.tables.project_key import KEY_FILE, ensure_key, fingerprint, read_key
from crm_analytics.tables.regular_files import open_regular, read_record

FOLDER = ".crm"
IDENTITY = "tree.json"
_MARK = b'content="crm-analytics'  # of our own index
_INSIST = "or insist with --force"


@dataclass(frozen=True)
class Identity:
    """What a folder of reports says of itself.

    Parameters
    ----------
    project : the project's folder, seen from the folder of reports
    key : fingerprint of the key that its waves were made with; empty while there is none
    notebooks : by a report's name which notebook has it, see `catalogue.Report.origin`
    forgotten : how many tokens of people who must not be contacted were known here, see `suppressions`
    """

    project: str = ""
    key: str = ""
    notebooks: Mapping[str, str] = field(default_factory=dict)
    forgotten: int = 0


def identity_of(out: Path) -> Identity:
    """What the folder says of itself; an empty identity where it says nothing."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        found = read_record(out / FOLDER / IDENTITY)
        names = {str(name): str(origin) for name, origin in dict(found.get("notebooks", {})).items()}
        forgotten = int(found.get("forgotten", 0))
        return Identity(str(found.get("project", "")), str(found.get("key", "")), names, forgotten)
    return Identity()


def check(out: Path, root: Path, *, name: str = "", origin: str = "", force: bool = False) -> None:
    """Refuse a folder that is another project's, a name that is another notebook's, a page that is not ours.

    Parameters
    ----------
    out : the folder of reports
    root : the project's folder
    name, origin : of the report that is to be made
    force : insist; the folder and the name are this project's from then on

    Raises
    ------
    ParameterError : says what stands in the way. Nothing was written.
    """
    if force:
        return
    known = identity_of(out)
    other = _project_of(out, known)
    if other is not None and other != root.resolve():
        raise ParameterError(
            f"{out} holds the reports of the project in {other}: two projects in one folder overwrite each "
            f"other. Run from there, give another --out, {_INSIST}"
        )
    check_index(out)
    if name and origin and known.notebooks.get(name, origin) != origin:
        raise ParameterError(
            f"{out / name} holds the pages of another notebook that is called '{name}', too. "
            f"Give this one another name, {_INSIST}"
        )


def check_index(out: Path) -> None:
    """Refuse to overwrite an `index.html` that was not made here.

    Raises
    ------
    ParameterError : there is one, and the folder is nobody's yet.
    """
    if not identity_of(out).project and _foreign_index(out):
        raise ParameterError(
            f"{out / 'index.html'} is a page that was not made here; it would be overwritten. "
            f"Give another --out, {_INSIST}"
        )


def claim(out: Path, root: Path, *, name: str = "", origin: str = "", key: bytes | None = None) -> None:
    """Write down whose folder this is; where nothing is new, nothing is written.

    Raises
    ------
    PublishError : it cannot be written.
    """
    if _claimed(out, root, name, origin, key) == identity_of(out):
        return
    with publish.index_locked(out), publish.in_words(out):
        _write(out, _claimed(out, root, name, origin, key))


def count_forgotten(out: Path, tokens: int) -> None:
    """Write down how many tokens of forgotten people are known here; the count never falls.

    Raises
    ------
    PublishError : it cannot be written.
    """
    if tokens <= identity_of(out).forgotten:
        return
    with publish.index_locked(out), publish.in_words(out):
        _write(out, replace(identity_of(out), forgotten=tokens))


def _write(out: Path, known: Identity) -> None:
    publish.make_folder(out / FOLDER)
    publish.replace_file(
        out / FOLDER / IDENTITY, publish.as_json({"schema": publish.SCHEMA, **asdict(known)})
    )


def _claimed(out: Path, root: Path, name: str, origin: str, key: bytes | None) -> Identity:
    known = identity_of(out)
    place = os.path.relpath(root.resolve(), out)
    names = {**known.notebooks, name: origin} if name and origin else known.notebooks
    return replace(known, project=place, notebooks=names, key=known.key if key is None else fingerprint(key))


def publisher(out: Path) -> Path | None:
    """The folder of the project that made the folder of reports its own, where it still is."""
    return _project_of(out, identity_of(out))


def _project_of(out: Path, known: Identity) -> Path | None:
    """The project that the folder belongs to, where it still is."""
    if not known.project:
        return None
    place = (out / known.project).resolve()
    return place if place.is_dir() else None


def _foreign_index(out: Path) -> bool:
    try:
        with open_regular(out / "index.html") as page:
            ours = _MARK in page.read(4096)
    except FileNotFoundError:
        return False
    except OSError:
        ours = False  # a folder, or a page that we may not read
    return not (ours or waves_in(out) or any(out.glob("*/*/current.json")))


# --- the key ------------------------------------------------------------------------------------------------


def waves_in(out: Path) -> list[Path]:
    """Every wave of every list, by its path."""
    return sorted(wave for lists in (out / LISTS).glob("*/") for wave in waves_of(lists))


def key_of_tree(out: Path) -> str:
    """Fingerprint of the key that the waves were made with; empty where that is not written anywhere."""
    recorded = identity_of(out).key
    if recorded:
        return recorded
    return next((found for wave in reversed(waves_in(out)) if (found := key_of_wave(wave))), "")


def check_key(out: Path, root: Path, key: bytes | None) -> None:
    """Refuse a key that is missing, or is another, where waves were made.

    Raises
    ------
    ParameterError : says how to bring the right one back.
    """
    if key is not None and key_of_tree(out) in ("", fingerprint(key)):
        return
    if not waves_in(out):
        return
    what = f"there is no key {KEY_FILE} in {root}" if key is None else f"{root / KEY_FILE} is another key"
    raise ParameterError(
        f"{what}, but the contact lists in {out} were made with one: without it nobody on them is known "
        "again. Bring the key back from your copy (crm key --import FILE); no new one is made here"
    )


def key_for(out: Path, root: Path) -> bytes:
    """The project's key for what is published here; a new one only where there is no wave yet.

    Raises
    ------
    ParameterError : the key is missing or another one, see `check_key`.
    PublishError : it cannot be read or made.
    """
    key = read_key(root)
    check_key(out, root, key)
    return ensure_key(root) if key is None else key


def project_of(out: Path) -> Path:
    """The folder of the project that published here, found by what is published.

    A key that lies in some folder above says nothing: it counts where it made the lists, or where it stands
    beside the reports.

    Raises
    ------
    ParameterError : it cannot be told.
    """
    known = _project_of(out, identity_of(out))
    if known is not None:
        return known
    places, wanted = (out, *out.parents), key_of_tree(out)
    found = next((place for place in places if wanted and _mark_of_key(place) == wanted), None)
    found = found or next((place for place in out.parents if (place / "notebooks").is_dir()), None)
    found = found or next((place for place in places[:2] if not wanted and _mark_of_key(place)), None)
    if found is not None:
        return found
    raise ParameterError(
        f"{out} does not say which project published it, and no folder above it has a {KEY_FILE}. Bring the "
        "key back from your copy into the project's folder"
    )


def _mark_of_key(place: Path) -> str:
    """Fingerprint of the key in a folder; empty where there is none that can be read."""
    try:
        key = read_key(place)
    except PublishError:
        return ""
    return "" if key is None else fingerprint(key)
