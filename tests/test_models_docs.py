"""docs/models.md, run as it stands, on the demo data it names."""

from __future__ import annotations

import numpy as np
import pytest

from crm_analytics.tables import demo
from tests.docs_blocks import run, text_of

TEXT = text_of("docs/models.md")


@pytest.mark.slow
def test_every_block_runs_and_gives_the_numbers_it_names(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    for name in ("cdnow", "company"):
        demo.write_demo(name, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    names = run(TEXT)
    assert names["contract"].params["gamma"] == pytest.approx(0.7041, abs=5e-5)
    assert names["contract"].params["delta"] == pytest.approx(1.1820, abs=5e-5)
    assert names["contract"].survival(12) == pytest.approx(0.1700, abs=5e-5)
    assert names["gompertz"].log_likelihood == pytest.approx(names["pareto"].log_likelihood, abs=0.005)
    assert "The model is degenerate: it is Pareto/NBD" in names["gompertz"].diagnosis.message
    left = names["y"] == "left"
    assert np.mean(names["model"].predict(names["X"])[left] == "left") > 0.6
    assert names["later"].purchases.params == names["bg"].params
    assert names["done"].effect("orders")["treated"] > 0


@pytest.mark.slow
def test_the_tutorials_blocks_run_and_the_forecast_holds(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    demo.write_demo("cdnow", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    names = run(text_of("docs/tutorial.md"))
    assert names["value"].lower <= names["paid"] * 1.15
    assert "expected" in capsys.readouterr().out
