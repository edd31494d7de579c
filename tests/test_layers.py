"""Imports flow one way: errors < tables < analyses < pages < cli."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "crm_analytics"
LAYERS = ("errors", "tables", "analyses", "pages", "cli")
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
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_flow_one_way(path: Path) -> None:
    own = layer_of(name_of(path))
    if own is None:  # the package's own __init__ and __main__ only point the way
        return
    for module, name in imports_of(path):
        if not module.startswith("crm_analytics"):
            continue
        other = layer_of(f"{module}.{name}" if module == "crm_analytics" else module)
        if other is not None:
            assert other <= own, (
                f"{name_of(path)} imports {module}: {LAYERS[own]} comes before {LAYERS[other]}"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_private_name_crosses_a_module(path: Path) -> None:
    for module, name in imports_of(path):
        if module.startswith("crm_analytics"):
            private = [
                part for part in [*module.split("."), name] if part.startswith("_") and part != "__version__"
            ]
            assert not private, f"{name_of(path)} imports {module}.{name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_package_never_imports_pyspark(path: Path) -> None:
    assert not any(module.split(".")[0] == "pyspark" for module, _ in imports_of(path))


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
