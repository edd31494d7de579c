"""What tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own as working folder: pseudonyms need its key."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("project")
    (folder / "notebooks").mkdir()
    patch.chdir(folder)
    patch.setenv("CRM_DISPLAY", "text")
    patch.delenv("CRM_PROJECT", raising=False)
    yield folder
    patch.undo()
