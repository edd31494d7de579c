"""What pages claim of worlds in which there is nothing, and of worlds in which there is something."""

from __future__ import annotations

import pytest

from benchmarks.nulls import counts
from tests.nulls.probes import PROBES

pytestmark = [pytest.mark.slow]
RUNS = 2


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.page}: {probe.finding}")
def test_finding_is_claimed_of_few_null_worlds_law(probe):
    found = counts([probe], 1)
    assert sum(found[probe.finding, world] for world in probe.nulls) <= max(1, len(probe.nulls) // 4)
