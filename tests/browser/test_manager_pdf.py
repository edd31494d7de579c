"""The PDF that a real Chromium prints of a page: tagged, in the page's language, without the appendix."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from crm_analytics.pages import blocks
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


def test_no_head_of_a_table_stands_alone_at_the_foot_of_a_sheet() -> None:
    """Tables that begin at every height of a sheet: their head is where their first two rows are."""
    style = (Path(blocks.__file__).parent / "template" / "style.css").read_text(encoding="utf-8")
    places = range(560, 1000, 12)  # px from the top of the sheet
    parts = []
    for at in places:
        rows = "".join(f'<tr><td id="r{at}-{row}">{row}</td></tr>' for row in range(4))
        links = "".join(f'<a href="#{name}">.</a>' for name in (f"f{at}", f"h{at}", f"r{at}-1"))
        head = f'<thead><tr><th id="h{at}">A head</th></tr></thead>'
        room = f'<div id="f{at}" style="break-before:page;height:{at}px">{links}</div>'
        parts.append(f"{room}<table>{head}<tbody>{rows}</tbody></table>")
    page = f"<html><head><style>{style}</style></head><body>{''.join(parts)}</body></html>"
    made = print_page(page.encode()).decode("latin-1")
    on = dict(re.findall(r"/([fhr]\d+(?:-1)?)\s*\[(\d+) 0 R", made))
    assert len(on) == 3 * len(places)
    assert [at for at in places if on[f"h{at}"] != on[f"r{at}-1"]] == []
    moved = [at for at in places if on[f"h{at}"] != on[f"f{at}"]]
    assert 0 < len(moved) < len(places), "tables near the foot begin on the next sheet"
