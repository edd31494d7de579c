"""The site: `make docs` builds it, offline and with every warning an error."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from gallery_page import write_gallery
from reference_pages import write_reference

import crm_analytics

project, author = "crm-analytics", "the crm-analytics engineers"
version = release = crm_analytics.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "reference/static"]
suppress_warnings = ["misc.highlighting_failure", "myst.xref_missing", "ref.python"]
html_theme = "furo"
html_title = "crm-analytics"
html_static_path = ["reference/static"]
html_show_sphinx = False
html_copy_source = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False, "undoc-members": False}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Source", "notes_style")]


_FIELD = re.compile(r"\w[\w, ]* : ")
_KEPT = ("Parameters", "Attributes", "Raises", "Examples")


def _plain(_app: object, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Our docstrings are plain text: a star is no markup, and `name : words` outside a section is an item."""
    section, made = "", []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after.strip() and set(after.strip()) == {"-"}:
            section = line.strip()
        text = line
        if not line.lstrip().startswith((">>>", "...")) and section != "Examples":
            text = line.replace("*", "\\*").replace("|", "\\|").replace("_ ", "\\_ ")
        if section in _KEPT or not text.strip():
            made.append(text)
        elif text.startswith("    ") and made and made[-1].strip():
            made[-1] += " " + text.strip()
        elif _FIELD.match(text):
            made += ([""] if made and made[-1].strip() and not made[-1].startswith("- ") else []) + [
                f"- {text}"
            ]
        else:
            made += ["", text] if made and made[-1].startswith("- ") else [text]
    lines[:] = made


def _foreign(
    _app: object, _what: str, _name: str, thing: object, skip: bool, _options: object
) -> bool | None:
    """Members that scikit-learn adds are explained there."""
    wrapped = getattr(thing, "__func__", thing)
    return True if str(getattr(wrapped, "__module__", "")).startswith("sklearn") else None


def setup(app: object) -> None:
    """Write the pages that are read off the package before anything is read."""
    here = Path(__file__).parent
    write_reference(here / "reference")
    write_gallery(here / "reference" / "gallery.md", here / "reference" / "static")
    app.connect("autodoc-process-docstring", _plain, priority=400)  # type: ignore[attr-defined]
    app.connect("autodoc-skip-member", _foreign)  # type: ignore[attr-defined]
