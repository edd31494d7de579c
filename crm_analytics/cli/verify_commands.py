"""`crm verify`: whether a published page can be made again, byte for byte."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from crm_analytics.cli.console import CellBar, echo_json, say, stopped_in_words
from crm_analytics.errors import CrmError, ParameterError


@click.command()
@click.argument("page", metavar="PAGE")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option("--data", default="", metavar="SOURCE", help="Where the source is now, if not where it was.")
@click.option("--mapping", type=click.Path(path_type=Path), help="Likewise, of the mapping.")
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="A parameter that is a path.")
@click.option("--keep", "folder", type=click.Path(path_type=Path), help="Put what was made into this folder.")
def verify(*, page: str, out: Path, data: str, mapping: Path | None, pairs: tuple[str, ...],
           folder: Path | None) -> int:  # fmt: skip
    """Make PAGE again from its record and say whether every byte is the same, and if not what has changed.

    PAGE is a page (also a copy of it), the folder of a run, NAME/SLUG or NAME/SLUG/RUN. Nothing is published.

    \b
    crm verify segments/1998-06-30
    crm verify reports/segments/1998-06-30/report.html --keep /tmp/again
    \b
    Exit codes
    0   every byte of the page, its tables and its lists is the same
    1   it is not: a changed input is named (data, mapping, parameters, notebook, code of the
        package, versions, key, what other runs tell), or the file was changed after it was made
    2   there is no such page, or no record of it
    3   the source is gone or cannot be opened
    4   a cell of the notebook fails now; 5 time or memory ran out; 6 nothing could be written
    """  # noqa: D301
    from crm_analytics.runs import verification
    from crm_analytics.runs.published_page import find_page

    found = find_page(page, out.expanduser().resolve())
    given: dict[str, object] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ParameterError(f"-p expects KEY=VALUE, such as -p list=my.csv; got {pair[:40]!r}")
        given[name.strip()] = value
    with stopped_in_words(), closing(CellBar()) as bar:
        try:
            made = verification.verify(found, data=data, mapping=mapping, parameters=given, progress=bar)
        except CrmError as error:
            raise verification.with_words(error, found) from error
    if folder is not None and made.files:
        verification.keep(made.files, folder.expanduser().resolve())
    echo_json(made.line())
    say(f"{found.label}: {made.message}", "green" if made.same else "red")
    for change in made.changes:
        say(f"  {change.words}")
    for name in made.differing:
        say(f"  differs: {name}")
    return made.exit_code
