"""Figures as pictures that a committed notebook keeps, so that GitHub and nbviewer show them.

A Chromium that is installed draws all figures of a notebook at once, as SVG. Its browser reaches no address.
What changes from run to run, the ids Plotly draws by lot, is made from the picture itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from plotly.offline import get_plotlyjs

from crm_analytics.runs.manager_pdf import browser_flags, find_browser

SVG = "image/svg+xml"
WIDTH = 760  # px, about the column of a notebook on GitHub
LARGEST = 120_000  # bytes of one picture; a larger one is left out, and the text form tells what it shows
SECONDS = 180.0
_PAGE = """<!doctype html><meta charset="utf-8"><title>figures</title><pre id="made"></pre>
<script>{library}</script><script>
const bytes = Uint8Array.from(atob("{figures}"), c => c.charCodeAt(0));
const figures = JSON.parse(new TextDecoder().decode(bytes));
const made = [];
(async () => {{
  for (const f of figures) {{
    const size = {{format: "svg", width: {width}, height: f.layout.height || 450}};
    made.push(await Plotly.toImage({{data: f.data, layout: f.layout, config: {{staticPlot: true}}}}, size));
  }}
  document.getElementById("made").textContent = JSON.stringify(made);
}})();
</script>"""


def pictures(figures: Sequence[dict[str, Any]]) -> list[str]:
    """The SVG of each figure, a mapping with data and layout; an empty text where it would be too large."""
    if not figures:
        return []
    given = base64.b64encode(json.dumps(list(figures)).encode()).decode()
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "figures.html"
        page.write_text(_PAGE.format(library=get_plotlyjs(), figures=given, width=WIDTH), encoding="utf-8")
        command = [find_browser(), *browser_flags(Path(name)), "--dump-dom", page.as_uri()]
        seen = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    found = re.search(r'<pre id="made">(\[.*?\])</pre>', seen, re.DOTALL)
    if found is None:
        raise RuntimeError("the browser drew no figure")
    return [_kept(uri) for uri in json.loads(_unescaped(found[1]))]


def _unescaped(text: str) -> str:
    for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(name, sign)
    return text


def _kept(uri: str) -> str:
    text = _numbered(unquote(uri.partition(",")[2]))
    ElementTree.fromstring(text)
    return text if len(text.encode()) <= LARGEST else ""


def _numbered(svg: str) -> str:
    """Ids drawn by lot, made anew from the picture itself: pictures may stand in one document."""
    drawn = dict.fromkeys(re.findall(r'\bid="(?:clip|topdefs-|defs-|legend|g|cb)([0-9a-f]{6})', svg))
    for lot in drawn:
        svg = re.sub(rf"(clip|defs-|legend|g|cb){lot}(?![0-9a-f])", r"\g<1>LOT", svg)
    own = hashlib.sha256(svg.encode()).hexdigest()[:6]
    return svg.replace("LOT", own)
