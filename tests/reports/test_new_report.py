"""The report that CONTRIBUTING shows as its example is whole: it runs as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat import v4

from crm_analytics import CustomerBase
from crm_analytics.pages import page

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def busiest_day(tmp_path_factory):
    """The module of the example, with its catalogues beside it."""
    text = GUIDE.read_text(encoding="utf-8")
    python, notebook = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (catalogue,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    folder = tmp_path_factory.mktemp("reports") / "busiest_day"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "__init__.py").write_text(python, encoding="utf-8")
    for language in ("en", "de"):
        (folder / "catalogue" / f"{language}.toml").write_text(catalogue, encoding="utf-8")
    name = "crm_analytics.reports.busiest_day"
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    module.NOTEBOOK = notebook
    yield module
    del sys.modules[name]


def built(module, base, **given):
    """The page of the example, its cells run one after the other as in the notebook."""
    cells = re.split(r"^# %%.*\n", module.NOTEBOOK, flags=re.MULTILINE)[1:]
    names: dict[str, object] = {}
    made = [v4.new_markdown_cell("# Busiest day\n\nOn which day of the week do customers come?")]
    for cell in cells[1:]:
        source = cell
        if "CustomerBase" in cell:
            names |= given | {"base": base, "busiest_day": module}
            source = cell[cell.index("report =") :]
        *before, last = source.strip().splitlines()
        exec("\n".join(before), names)
        if not last.startswith("busiest_day."):
            exec(last, names)
            continue
        block = eval(last, names)
        data = {"application/vnd.crm-analytics.block+json": block.to_json()}
        made.append(v4.new_code_cell(last, outputs=[v4.new_output("display_data", data=data)]))
    context = page.PageContext("busiest_day", "Shop", base.day, "0", "0" * 64, {}, 1, 0, None, None)
    return page.build(nbformat.from_dict(v4.new_notebook(cells=made)), context)


def base_of(days):
    frame = pd.DataFrame({"customer_id": range(len(days)), "transaction_date": days, "unit_spend": 5.0})
    return CustomerBase.open(frame.astype({"customer_id": str}), today="2027-01-01")


def test_the_example_of_the_guide_makes_a_page_of_two_layers(busiest_day):
    mondays = pd.date_range("2026-01-05", periods=40, freq="7D").repeat(5).tolist()
    html = built(busiest_day, base_of([*mondays, *pd.date_range("2026-01-06", periods=60)]), language="en")
    assert "Monday is the busiest day, with" in html
    assert 'id="appendix"' in html
    assert '<a href="#days">' in html


def test_the_verb_of_the_example_follows_from_the_evidence(busiest_day):
    html = built(busiest_day, base_of(pd.date_range("2026-01-05", periods=140).tolist()), language="en")
    assert "No day of the week is clearly busier" in html
    few = built(busiest_day, base_of(["2026-01-05", "2026-01-06"]), language="en")
    assert "too few orders" in few
