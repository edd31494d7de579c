"""What README shows runs, and what it names is there."""

import re
import tomllib

import click
import pytest

from crm_analytics import cli
from crm_analytics.tables import demo
from crm_analytics.tables.mapping import read_mapping
from tests.conftest import THOROUGH
from tests.docs_blocks import ROOT, blocks, text_of

README = text_of("README.md")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    demo.write_demo("cdnow", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path


def test_python_runs_and_gives_the_numbers_it_names(project):
    names = {}
    exec(blocks(README, "python")[0], names)
    assert names["model"].params["r"] == pytest.approx(0.2426, abs=5e-5)
    assert names["model"].params["alpha"] == pytest.approx(4.4136, abs=5e-5)
    assert len(names["summary"].cells) == 1016


def test_mapping_is_read():
    assert read_mapping(tomllib.loads(blocks(README, "toml")[0])).label == "Northwind"


def test_commands_and_options_exist():
    lines = [line.split("#")[0] for block in blocks(README, "sh") for line in block.splitlines()]
    used = [line.split() for line in lines if line.startswith("crm ")]
    assert used
    for words in used:
        command = cli.crm.get_command(click.Context(cli.crm), words[1])
        assert command is not None, words
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


def test_verbs_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for verb in set(re.findall(r"`?make ([a-z-]+)", README)):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb


def test_every_mark_of_a_test_has_its_lane():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
        "ini_options"
    ]
    marks = {mark.split(":")[0] for mark in settings["markers"]} - {"alone"}  # a step of `slow`
    ci, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in (".ci/run", "Makefile"))
    kept = re.search(r"^PLAIN := ([^#]*)", makefile, re.MULTILINE)
    left_out = set(re.findall(r"not (\w+)", kept[1]))
    assert left_out == marks - {"thorough"} == set(re.findall(r"not (\w+)", settings["addopts"]))
    for mark in marks:
        assert re.search(
            rf"^test-{mark}:.*\n(?:\t.*\n)*?.*-m [\"']?[^\n]*\b{mark}\b", makefile, re.MULTILINE
        ), mark
        assert mark == "weekly" or f"test-{mark}" in ci, mark


def test_places_of_thorough_tests_are_there():
    for place in THOROUGH:
        assert (ROOT / "tests" / place).exists(), place


def test_files_it_names_are_there():
    for name in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / name).is_file(), name
