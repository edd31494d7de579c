"""The Dockerfile, read line by line: it builds without the network, as nobody special, and starts `crm`."""

from __future__ import annotations

import json
import re
import tomllib

from packaging.specifiers import SpecifierSet

from tests.docs_blocks import ROOT, text_of

TEXT = text_of("Dockerfile")
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
PROJECT = tomllib.loads(text_of("pyproject.toml"))["project"]


def steps(name: str) -> list[str]:
    """What follows each instruction of a name."""
    return [line.partition(" ")[2] for line in LINES if line.startswith(f"{name} ")]


def test_every_line_is_an_instruction_that_docker_knows() -> None:
    assert {line.split()[0] for line in LINES} == {"FROM", "COPY", "RUN", "USER", "WORKDIR", "ENTRYPOINT"}
    assert LINES[0].startswith("FROM ")


def test_its_python_is_one_of_ours() -> None:
    (image,) = steps("FROM")
    version = re.fullmatch(r"python:(\d+\.\d+)-slim", image)
    assert version is not None, "a base image with its version, not `latest`"
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{version[1]}.0")


def test_nothing_is_fetched_while_it_builds() -> None:
    install, account = steps("RUN")
    assert "--no-index" in install
    assert "--find-links /wheels" in install
    assert steps("COPY") == ["wheels /wheels"]
    for step in (install, account):
        assert not re.search(r"https?://|curl|wget|apt-get|git ", step)
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if not line.startswith("#")] == ["*", "!wheels"], (
        "no data and no key is sent"
    )


def test_what_is_installed_is_what_the_wheels_were_made_of() -> None:
    made = re.search(r"pip wheel -c constraints\.txt -w wheels '\.\[([a-z,]+)\]'", TEXT)
    installed = re.search(r"'crm-analytics\[([a-z,]+)\]'", steps("RUN")[0])
    assert made is not None
    assert installed is not None
    assert made[1] == installed[1]
    assert set(made[1].split(",")) <= set(PROJECT["optional-dependencies"])


def test_it_runs_crm_and_not_as_root() -> None:
    (user,) = steps("USER")
    assert user != "root"
    assert f"useradd --create-home {user}" in steps("RUN")[1]
    (entry,) = steps("ENTRYPOINT")
    assert set(json.loads(entry)) <= set(PROJECT["scripts"])
    after = TEXT.index("USER ")
    assert TEXT.index("RUN useradd") < after < TEXT.index("ENTRYPOINT")
