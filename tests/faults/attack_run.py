"""Try every attack and write the log: ``python -m tests.faults.attack_run [--write FILE] [NAME ...]``."""

from __future__ import annotations

import argparse
import platform
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.attacks import every
from tests.faults.attacks.kinds import table

BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"


def main() -> int:
    """The exit code is 1 where something broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks or words of sections; all without")
    parser.add_argument("--write", type=Path, help="put the log into this file, between its marks")
    parser.add_argument("--quick", action="store_true", help="without the slow ones")
    asked = parser.parse_args()
    counts: dict[str, list[int]] = {}
    broken = []
    for attack in every():
        if asked.names and not {attack.name, *attack.section.split()} & set(asked.names):
            continue
        if attack.slow and asked.quick:
            continue
        held, broke = 0, 0
        with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            try:
                for what, is_held in attack.run(Path(folder)):
                    held, broke = held + is_held, broke + (not is_held)
                    if not is_held:
                        broken.append(f"{attack.name}: {what}")
            except Exception:
                traceback.print_exc()
                broke += 1
                broken.append(f"{attack.name}: it could not be tried to its end")
        row = counts.setdefault(attack.section, [0, 0, 0])
        for place, number in enumerate((held + broke, held, broke)):
            row[place] += number
        print(f"{attack.section:14} {attack.name}: {held} held, {broke} broke", file=sys.stderr, flush=True)
    text = log(counts, broken)
    print(text)
    if asked.write:
        whole = asked.write.read_text(encoding="utf-8")
        head, _, rest = whole.partition(BEGIN)
        asked.write.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 1 if broken else 0


def log(counts: dict[str, list[int]], broken: list[str]) -> str:
    """The table of sections, and what broke."""
    lines = [f"Python {platform.python_version()}, {platform.system().lower()}.", ""]
    lines += ["| section | tries | held | broke |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {' | '.join(map(str, row))} |" for name, row in counts.items()]
    total = [sum(row[place] for row in counts.values()) for place in range(3)]
    lines.append(f"| **in all** | {' | '.join(f'**{number}**' for number in total)} |")
    lines += ["", "What broke:", "", *(f"- {one}" for one in broken)] if broken else []
    return "\n".join([*lines, "", table()])


if __name__ == "__main__":
    sys.exit(main())
