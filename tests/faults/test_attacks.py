"""Every kind of attack that was ever tried, again: each must hold. Slow ones: `tests.faults.attack_run`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.attacks import Attack, every
from tests.faults.attacks.kinds import KINDS

QUICK = [one for one in every() if not one.slow]


@pytest.fixture
def place() -> Iterator[Path]:
    """In memory: attacks write and sync thousands of small files."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("attack", QUICK, ids=[one.name for one in QUICK])
def test_attack_holds_law(attack: Attack, place: Path) -> None:
    tries = list(attack.run(place))
    assert tries
    assert not [what for what, held in tries if not held]


def test_every_section_of_the_log_has_attacks() -> None:
    sections = {one.section.split()[0] for one in every()}
    assert sections == {str(number) for number in range(1, 11)}


def test_every_kind_of_break_is_tried_again() -> None:
    attacks = {one.name for one in every()}
    root = Path(__file__).parents[2]
    tried = {name for by in KINDS.values() for name in by}
    assert not [name for name in tried - attacks if not (root / name).is_file()]
    assert not attacks - tried
