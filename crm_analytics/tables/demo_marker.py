"""Which files of a folder a demo wrote: they may be written again or removed, anything else may not.

Run as ``python -m crm_analytics.tables.demo_marker FOLDER ...`` (`make clean`) it removes demo folders that
hold nothing of anybody else's.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from crm_analytics.tables.regular_files import read_bytes, sha256_of

MARKER = ".crm-demo"


def mark(folder: Path) -> None:
    """Write down what a demo has just written."""
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}" for path in _files(folder)]
    (folder / MARKER).write_text("\n".join(lines) + "\n", encoding="utf-8")


def strangers(folder: Path) -> list[str]:
    """Files of a folder that no demo wrote, or that were changed since; all, where no demo was there."""
    known: dict[str, str] = {}
    if (folder / MARKER).is_file():
        for line in read_bytes(folder / MARKER).decode("utf-8").splitlines():
            digest, _, name = line.partition("  ")
            known[name] = digest
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    return [name for name, path in files.items() if known.get(name) != _sha256(path)]


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if (p.is_file() or p.is_symlink()) and p.name != MARKER)


def _sha256(path: Path) -> str:
    if path.is_symlink():
        return "a link"
    return sha256_of(path)


def main(folders: list[str]) -> None:
    """Remove demo folders; those with something else in them stay, and that is said."""
    for folder in map(Path, folders):
        if not folder.is_dir():
            continue
        if others := strangers(folder):
            print(f"{folder} stays, for not all of it is of the demo: {', '.join(others[:3])}")
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
