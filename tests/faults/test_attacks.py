"""Every kind of attack that was ever tried, again: each must hold. The slow ones: `tests.faults.attack_run`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.attacks import Attack, every

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
