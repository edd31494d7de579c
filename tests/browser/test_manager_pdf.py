"""The PDF that a real Chromium prints of a page: tagged, in the page's language, without the appendix."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from crm_analytics.runs.manager_pdf import print_page

SAMPLE = Path(__file__).parent.parent / "pages" / "sample.py"

pytestmark = pytest.mark.browser


def test_pdf_is_tagged_and_holds_the_managers_layer_alone(tmp_path: Path) -> None:
    page = runpy.run_path(str(SAMPLE))["pages"](tmp_path)["fair"].read_bytes()
    made = print_page(page)
    assert b"/StructTreeRoot" in made
    assert b"/Marked true" in made
    assert b"/Lang (en)" in made
    pages = len(re.findall(rb"/Type\s*/Page\b", made))
    folded = (
        b'<details open class="appendix">' + b'<p style="break-after:page">x</p>' * 9 + b"</details></main>"
    )
    with_appendix = page.replace(b"</main>", folded, 1)
    assert with_appendix != page
    assert len(re.findall(rb"/Type\s*/Page\b", print_page(with_appendix))) == pages >= 1
    shown = with_appendix.replace(b'class="appendix"', b"")  # the law above can fail
    assert len(re.findall(rb"/Type\s*/Page\b", print_page(shown))) >= pages + 8
