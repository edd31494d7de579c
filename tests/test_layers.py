"""Imports flow one way and in no circle: errors < {tables, pages} < analyses < {reports, runs} < cli."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "crm_analytics"
LAYERS = (("errors",), ("tables", "pages"), ("analyses",), ("reports", "runs"), ("cli",))
MODULES = sorted(PACKAGE.rglob("*.py"))
# The few modules a user may have to wait for; `import crm_analytics` and `crm --help` wait for none.
HEAVY = {
    "pandas",
    "numpy",
    "ibis",
    "duckdb",
    "plotly",
    "scipy",
    "sklearn",
    "pyarrow",
    "papermill",
    "lifetimes",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[tuple[str, str]]:
    """Every import in a module, inside functions too: (module, name), the name empty for `import x`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def layer_of(module: str) -> int | None:
    parts = module.split(".")
    return next((i for i, rooms in enumerate(LAYERS) if parts[1:2] and parts[1] in rooms), None)


NAMES = {name_of(path): path for path in MODULES}


def ours(path: Path) -> set[str]:
    """The modules of this package that a module imports, type-only and in-function imports included."""
    found = set()
    for module, name in imports_of(path):
        whole = f"{module}.{name}"
        found |= {whole if whole in NAMES else module} & NAMES.keys()
    return found - {name_of(path)}


IMPORTS = {name: ours(path) for name, path in NAMES.items()}


def test_imports_flow_one_way() -> None:
    wrong = [
        f"{name} -> {other}"
        for name, imported in IMPORTS.items()
        for other in imported
        if (own := layer_of(name)) is not None
        and (theirs := layer_of(other)) is not None
        and not (name.split(".")[1] == other.split(".")[1] or theirs < own)
    ]
    assert not wrong, wrong


def test_pages_know_errors_alone() -> None:
    pages = {name: imported for name, imported in IMPORTS.items() if name.startswith("crm_analytics.pages")}
    allowed = pages.keys() | {"crm_analytics", "crm_analytics.errors"}
    assert not {name: imported - allowed for name, imported in pages.items() if imported - allowed}


def test_no_imports_run_in_a_circle() -> None:
    left = dict(IMPORTS)
    while free := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in free}
    assert not left, {name: imported & left.keys() for name, imported in left.items()}


def test_no_private_name_crosses_a_module() -> None:
    wrong = [
        f"{name_of(path)} imports {module}.{name}"
        for path in MODULES
        for module, name in imports_of(path)
        if module.startswith("crm_analytics")
        and any(part.startswith("_") and part != "__version__" for part in [*module.split("."), name])
    ]
    assert not wrong, wrong


def private_names_of(path: Path) -> tuple[set[str], set[str]]:
    """Private names that a module defines, and those it asks of anything but self, cls and super()."""
    defined, asked = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                defined.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                defined.add(name)
            case ast.Attribute(attr=name, value=ast.Name(id="self" | "cls")):
                defined.add(name)
            case ast.Attribute(attr=name, value=ast.Call(func=ast.Name(id="super"))):
                defined.add(name)
            case ast.Attribute(attr=name):
                asked.add(name)
    private = re.compile(r"_[^_]\w*")
    return {n for n in defined if private.fullmatch(n)}, {n for n in asked if private.fullmatch(n)}


def test_no_private_attribute_crosses_a_module() -> None:
    """No module asks for what the objects of another keep to themselves; other packages do not count."""
    names = {name_of(path): private_names_of(path) for path in MODULES}
    anywhere = set().union(*(defined for defined, _ in names.values()))
    wrong = {
        module: sorted(asked & anywhere - defined)
        for module, (defined, asked) in names.items()
        if asked & anywhere - defined
    }
    assert not wrong


def test_the_package_never_imports_pyspark() -> None:
    assert not [name_of(p) for p in MODULES if any(m.split(".")[0] == "pyspark" for m, _ in imports_of(p))]


def test_lifetimes_is_imported_in_one_module_only() -> None:
    importers = {name_of(p) for p in MODULES if any(m.split(".")[0] == "lifetimes" for m, _ in imports_of(p))}
    assert len(importers) <= 1, importers


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "common", "base", "misc"}
    assert not [name_of(p) for p in MODULES if p.stem in drawers or p.parent.name in drawers]


@pytest.mark.parametrize("statement", ["import crm_analytics", "import crm_analytics.errors"])
def test_importing_the_package_imports_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
