"""Who is who over nights, with kills in between; lists and control groups are rechecked each night."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.thirty_nights import nights


@pytest.mark.slow
def test_nights_of_identities_killed_in_between_keep_every_law(tmp_path: Path) -> None:
    world, broke = nights(tmp_path, 6, seed=2)
    assert not broke
    assert world.counts["contacted"]
    assert any("killed" in what for what in world.counts)


@pytest.mark.weekly
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_thirty_nights_of_identities_keep_every_law(tmp_path: Path, seed: int) -> None:
    assert not nights(tmp_path, 30, seed)[1]
