"""The parameters cell: read by ast, held to its own rules, before anything runs."""

from __future__ import annotations

import pytest

from crm_analytics.errors import ParameterError
from crm_analytics.runs.catalogue.parameter_rules import Parameter
from crm_analytics.runs.catalogue.parameters import ParameterSet, read_parameters

CELL = """\
# What may be changed
data: str = "cdnow"  # the source
as_of: str = ""  # a day, empty for the last one in the data
compare_to: str = "-13w"  # a span like -13w
bins: int = 5  # quantile bins, 2..20
timing: str = "end"  # when money comes, one of start, mid, end, continuous
rate: float = 0.15  # annual effective rate, 0..1
months: int = 6  # 1.. months
size: int = 10  # one of 10, 20
show_customers: bool = False
channels: list[str] = ["shop", "web"]  # shown first
"""


def notebook(source: str, *more: str) -> dict:
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": s} for s in (source, *more)
    ]
    return {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# Title"}, *cells]}


@pytest.fixture
def found() -> ParameterSet:
    return read_parameters(notebook(CELL))


def test_cell_gives_names_types_defaults_and_help(found: ParameterSet) -> None:
    assert found["bins"] == Parameter("bins", "int", 5, "quantile bins, 2..20", 2, 20)
    assert found["timing"].choices == ("start", "mid", "end", "continuous")
    assert found["compare_to"].shape == "span"
    assert found["as_of"].shape == "day"
    assert (found["months"].low, found["months"].high) == (1, None)
    assert found["size"].choices == (10, 20)


def test_model_and_cell_cannot_drift_apart(found: ParameterSet) -> None:
    ran: dict = {}
    exec(CELL, ran)
    model = found.model()
    assert {name: getattr(model, name) for name in found.names} == {name: ran[name] for name in found.names}
    assert tuple(found.model.model_fields) == tuple(ran["__annotations__"])


def test_source_as_list_of_lines_reads_the_same(found: ParameterSet) -> None:
    assert read_parameters(notebook(CELL.splitlines(keepends=True))) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("data", "00123", "00123"),
        ("data", "1_000", "1_000"),
        ("data", "nan", "nan"),
        ("data", "true", "true"),
        ("bins", " 7 ", 7),
        ("rate", "1", 1.0),
        ("rate", "1e-2", 0.01),
        ("show_customers", "True", True),
        ("show_customers", "no", False),
        ("channels", "shop, mail", ["shop", "mail"]),
        ("channels", "", []),
        ("as_of", "1997-09-30", "1997-09-30"),
        ("as_of", "", ""),
        ("compare_to", "-1y", "-1y"),
        ("size", "20", 20),
    ],
)
def test_text_is_converted_by_declared_type(found: ParameterSet, name: str, text: str, value: object) -> None:
    checked = found.check({name: text})[name]
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bins", "99", "a whole number 2..20"),
        ("bins", 99, "a whole number 2..20"),
        ("bins", "5.0", "a whole number"),
        ("bins", "1_0", "a whole number"),
        ("bins", True, "a whole number"),
        ("bins", "9" * 5000, "a whole number"),
        ("bins", "５", "a whole number"),
        ("rate", "nan", "a number 0..1"),
        ("rate", "inf", "a number 0..1"),
        ("rate", float("nan"), "a number 0..1"),
        ("rate", "1e999", "a number 0..1"),
        ("rate", "-0.1", "a number 0..1"),
        ("months", "0", "a whole number 1.."),
        ("timing", "late", "one of start, mid, end, continuous"),
        ("size", "15", "one of 10, 20"),
        ("as_of", "30.09.1997", "a day like 2026-01-31"),
        ("as_of", "1997-02-31", "a day like 2026-01-31"),
        ("as_of", "19970930", "a day like 2026-01-31"),
        ("compare_to", "13 weeks", "a span like -13w"),
        ("compare_to", "", "a span like -13w"),
        ("show_customers", "1", "true or false"),
        ("show_customers", 1, "true or false"),
        ("channels", ["a", 1], "texts separated by commas"),
        ("channels", ("a",), "texts separated by commas"),
        ("data", None, "text"),
    ],
)
def test_wrong_value_says_name_value_and_what_is_allowed(
    found: ParameterSet, name: str, value: object, says: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        found.check({name: value})
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message.startswith(f"{name} = ")
    assert says in message
    assert len(message) < 200


@pytest.mark.parametrize("name", ["bin", "a=1\nprint('PWNED')\nb", "__class__", "bins ", "", "class"])
def test_unknown_name_says_what_is_known(found: ParameterSet, name: str) -> None:
    with pytest.raises(ParameterError, match="there is no parameter") as caught:
        found.check({name: "1"})
    assert "bins" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_name_offers_the_nearest(found: ParameterSet) -> None:
    with pytest.raises(ParameterError, match="did you mean 'bins'"):
        found.check({"bin": "4"})


def test_changed_leaves_out_defaults_source_and_day(found: ParameterSet) -> None:
    checked = found.check({"bins": "4", "rate": "0.15", "data": "shop", "as_of": "1997-09-30"})
    assert found.changed(checked) == {"bins": 4}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("bins = 5", "line 1: only `name: type = literal`"),
        ("bins: int = 5\nimport os", "line 2: only `name: type = literal`"),
        ("bins: int", "only `name: type = literal`"),
        ("bins: int = 2 + 3", "not a plain literal"),
        ("d: dict = dict(k=1)", "is declared 'dict'"),
        ("t: tuple = (1, 2)", "is declared 'tuple'"),
        ("bins: int = 5  # 10..20", "the default bins = 5: it must be a whole number 10..20"),
        ("bins: int = '5'", "the default bins = '5'"),
        ("t: str = 'x'  # one of a, b", "it must be one of a, b"),
        ("rate: float = 1e999", "the default rate = inf"),
        ("__x: int = 5", "taken by Python"),
        ("print: int = 5", "taken by Python"),
        ("get_ipython: int = 5", "taken by Python"),
        ("match: int = 5", "taken by Python"),
        ("db_password: str = ''", "looks like a secret"),
        ("a: int = 1\na: int = 2", "declared twice"),
        ("a: int = (", "not Python"),
    ],
)
def test_wrong_cell_says_line_and_reason(source: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_parameters(notebook(source))
    assert says in str(caught.value)


def test_missing_cell_says_how_to_tag_one() -> None:
    with pytest.raises(ParameterError, match="no cell tagged 'parameters'"):
        read_parameters({"cells": []})
    with pytest.raises(ParameterError, match="2 cells tagged 'parameters'"):
        read_parameters(notebook("a: int = 1", "b: int = 1"))
