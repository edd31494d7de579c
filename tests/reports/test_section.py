"""The contract of a report: one frozen thing, one way to say a section, and why a part is not there."""

import ast
import importlib
from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass
from pathlib import Path

import pytest

import crm_analytics.reports
from crm_analytics.analyses.overview import Overview
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.pages import blocks
from crm_analytics.reports.shared.margin import Margin
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.small_form import SEGMENTS_FROM, SmallReport

FOLDER = Path(crm_analytics.reports.__file__).parent
NAMES = sorted(p.parent.name for p in FOLDER.glob("*/report.py") if p.parent.name != "shared")


@dataclass(frozen=True, kw_only=True, eq=False)
class Weather(Report):
    wind: float | None = None


def small(customers, revenue=10.0):
    seen = Overview(customers, customers, revenue, 0, None, None, None)
    return SmallReport(base=None, seen=seen)


def said(block):
    return [block.payload["finding"], *block.payload["paragraphs"]]


@section("Outside", part="wind", needs="The wind is not known", small="The wind is not shown")
def wind(report, speed):
    """How it blows."""
    return blocks.note(f"Wind {speed:.0f}")


def test_section_gets_its_part():
    block = wind(Weather(base=None, wind=0.0))
    assert said(block) == ["Wind 0"]
    assert (block.payload["label"], block.payload["section"]) == ("Outside", "wind")
    assert wind.__doc__ == "How it blows."


def test_section_without_its_part_says_why():
    block = wind(Weather(base=None, missing={"wind": "the vane is broken."}))
    assert said(block) == ["The wind is not known", "The vane is broken."]
    assert block.payload["label"] == "Outside"
    assert said(wind(Weather(base=None))) == ["The wind is not known"]


def test_small_report_says_from_how_many_customers_on():
    block = wind(small(40))
    assert said(block) == [
        "The wind is not shown", f"That begins with {SEGMENTS_FROM} customers; there are 40 customers.",
    ]  # fmt: skip
    assert block.payload["label"] == "Outside"
    text = said(wind(small(2 * SEGMENTS_FROM, revenue=0.0)))[1]
    assert text == f"There are {2 * SEGMENTS_FROM} customers, but no revenue to speak of."


def test_a_part_that_the_report_has_not_is_a_mistake_and_not_missing_data():
    odd = section(part="rain", needs="It is not known")(lambda report, rain: blocks.note("Rain"))
    with pytest.raises(AttributeError):
        odd(Weather(base=None))
    assert said(odd(small(40))) == ["It is not known"]


def test_needs_and_small_may_be_blocks_of_their_own():
    calm = blocks.note("Calm", "No data.")
    first = section(part="wind", needs=lambda report: blocks.note(report.why("wind")), small=calm)(wind)
    assert said(first(Weather(base=None, missing={"wind": "so"}))) == ["So."]
    assert said(first(small(40))) == ["Calm", "No data."]


def test_report_is_frozen_and_its_arguments_have_names():
    with pytest.raises(FrozenInstanceError):
        Weather(base=None).wind = 1.0
    with pytest.raises(TypeError):
        Weather(None, False)


def test_attempt_keeps_the_reason_and_lets_mistakes_through():
    missing = {}

    def refuse(error):
        raise error

    assert attempt(missing, "a", lambda: 3) == 3
    assert attempt(missing, "b", lambda: refuse(NotEnoughData("Model", 3, 50))) is None
    assert missing == {"b": str(NotEnoughData("Model", 3, 50))}
    for error in (ValueError("x"), ParameterError("y")):
        with pytest.raises(type(error)):
            attempt(missing, "c", lambda error=error: refuse(error))
    assert attempt(missing, "d", lambda: refuse(ParameterError("short")), ParameterError) is None
    with pytest.raises(DataError):
        attempt(missing, "e", lambda: refuse(DataError("x")), ParameterError)


def test_margin_keeps_its_source():
    assert Margin(0.3, "unit costs").or_assumed(0.4) == (0.3, Margin(0.3, "unit costs"))
    assert Margin(None, "unknown").or_assumed(0.4) == (0.4, Margin(0.4, "assumed"))


def decorated(path):
    """Every function under @section: its name, its first argument's types, and the part it asks for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for mark in getattr(node, "decorator_list", []):
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "section":
                part = [k.value.value for k in mark.keywords if k.arg == "part"]
                types = ast.unparse(node.args.args[0].annotation).split(" | ")
                yield node.name, types, part[0] if part else ""


@pytest.mark.parametrize("name", NAMES)
def test_every_section_asks_for_a_part_that_its_report_has(name):
    known = vars(importlib.import_module(f"crm_analytics.reports.{name}.report"))
    found = [each for path in sorted((FOLDER / name).glob("*.py")) for each in decorated(path)]
    assert len(found) >= 10, found
    for function, types, part in found:
        for each in types:
            made = known[each]
            assert issubclass(made, Report), (function, each)
            assert is_dataclass(made)
            names = {f.name for f in fields(made)} | {n for n in dir(made) if not n.startswith("_")}
            assert not part or part in names, (function, each, part)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_a_notebook_calls_is_a_section(name):
    package = importlib.import_module(f"crm_analytics.reports.{name}")
    found = {function for path in (FOLDER / name).glob("*.py") for function, _, _ in decorated(path)}
    made = {n for n in package.__all__ if n != "prepare" and not isinstance(getattr(package, n), type)}
    assert made <= found, made - found
