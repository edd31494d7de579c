"""What the reports of one night share is computed once: each opens the same data, as kernels and lists do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.churn import training
from crm_analytics.analyses.rfm import scores
from crm_analytics.reports import churn, profiles, segments


def test_one_night_trains_churn_once_and_scores_rfm_once(
    demo_company: CustomerBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[Any] = Counter()
    train, score = training._trained, scores._scored

    def trained(base: CustomerBase, *given: Any, **named: Any) -> Any:
        made["churn", base.day] += 1
        return train(base, *given, **named)

    def scored(base: CustomerBase, *given: Any) -> Any:
        made["rfm", base.day, repr(given)] += 1
        return score(base, *given)

    monkeypatch.setattr(training, "_trained", trained)
    monkeypatch.setattr(scores, "_scored", scored)
    (tmp_path / "kept").mkdir(mode=0o700)
    saved = demo_company.keeping(tmp_path / "kept").save(tmp_path / "data")
    segments.prepare(CustomerBase.open(saved))
    profiles.prepare(CustomerBase.open(saved))
    report = churn.prepare(CustomerBase.open(saved))
    leavers, why = campaigns.leaving(CustomerBase.open(saved))
    assert leavers is not None, why
    assert report.base.day == demo_company.day
    today = demo_company.day
    assert made["churn", today] == 1
    assert sum(n for key, n in made.items() if key[:2] == ("rfm", today)) == 1
    assert set(made.values()) == {1}
