"""What is on disk of contact lists: told without importing what computes.

::

    reports/lists/<name>/<day>/        a wave: see `campaigns.export`
    reports/lists/<name>/failed.json   what went wrong last, if nothing has worked since
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from crm_analytics.tables.regular_files import read_record

LISTS = "lists"  # below the folder of reports
FAILED = "failed.json"
WAVE = "wave.json"
WATERFALL = "waterfall.csv"


def waves_of(folder: Path) -> list[Path]:
    """The whole waves below a folder of waves, the newest last."""
    found = [p.parent for p in folder.glob(f"*/{WAVE}") if _is_day(p.parent.name)]
    return sorted(found, key=lambda p: p.name)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text) is not None
    except ValueError:
        return False


def key_of_wave(wave: Path) -> str:
    """Fingerprint of the key that a wave's pseudonyms were made with; empty for waves of earlier versions."""
    return str(_record_of(wave).get("key", ""))


def source_of_wave(wave: Path) -> str:
    """The name of the source that a wave was made from; empty for waves of earlier versions."""
    return str(_record_of(wave).get("source", ""))


def forgotten_by_wave(wave: Path) -> int:
    """How many tokens of forgotten people were known when a wave was made, see `suppressions`."""
    known = _record_of(wave).get("forgotten", 0)
    return known if isinstance(known, int) else 0


def _record_of(wave: Path) -> dict[str, Any]:
    try:
        found = read_record(wave / WAVE)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def failure_of(folder: Path) -> str:
    """What went wrong last, or empty."""
    try:
        return str(read_record(folder / FAILED)["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def headline_of(wave: Path) -> str:
    """How many are to be contacted."""
    try:
        lists = read_record(wave / WAVE)["lists"]
        counts = (sum(int(one[n]) for one in lists) for n in ("treated", "control", "suppressed"))
        return headline(*counts)
    except (OSError, ValueError, KeyError, TypeError):
        return "A wave without a record"


def headline(treated: int, control: int, suppressed: int) -> str:
    """The same from its numbers.

    >>> headline(1200, 130, 40)
    '1,200 to contact, 130 held back as control, 40 kept out'
    """
    return f"{treated:,} to contact, {control:,} held back as control, {suppressed:,} kept out"
