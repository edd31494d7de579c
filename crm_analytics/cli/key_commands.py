"""The commands about the project's key: make it, keep a copy, turn pseudonyms back."""

from __future__ import annotations

from pathlib import Path

import click

from crm_analytics.cli.console import echo, now, say
from crm_analytics.errors import ParameterError

_OUT = click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)


@click.command()
@_OUT
@click.option("--export", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write a copy.")
@click.option("--import", "source", type=click.Path(path_type=Path), metavar="FILE", help="Take in a copy.")
def key(out: Path, target: Path | None, source: Path | None) -> int:
    """Make the project's key for pseudonyms, if it has none yet; or keep a copy, or bring one back.

    \b
    crm key                        make it; nothing where it is there
    crm key --export key.txt       a copy, to be kept where passwords are kept
    crm key --import key.txt       bring it back on another machine
    """  # noqa: D301
    from crm_analytics.runs.publishing import published_tree
    from crm_analytics.tables import project_key
    from crm_analytics.tables.project import project_folder

    root = project_folder()
    if target is not None and source is not None:
        raise ParameterError("give --export or --import, not both")
    if target is not None:
        mark = project_key.export_key(root, target.expanduser())
        say(f"A copy of the key {mark} is in {target}. Whoever has it can turn pseudonyms back.")
        return 0
    if source is not None:
        mark = project_key.import_key(root, source.expanduser())
        say(f"The project has the key {mark}.")
        return 0
    tree = (root / out.expanduser()).resolve()
    published_tree.key_for(tree, root)
    echo(root / project_key.KEY_FILE)
    return 0


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="PSEUDONYM ...")
@click.option("--data", required=True, metavar="SOURCE", help="Where these customers are.")
@click.option("--mapping", type=click.Path(path_type=Path))
def reveal(ids: tuple[str, ...], data: str, mapping: Path | None) -> int:
    """Turn pseudonyms such as c-7hyaehqnce back into customer ids (needs the project's .crm-key).

    That it was done, by whom and when, is written to .crm-audit.jsonl; not of whom.
    """
    from crm_analytics.runs.publishing import audit_trail
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.export import pseudonyms
    from crm_analytics.tables.project import project_folder
    from crm_analytics.tables.project_key import KEY_FILE, read_key
    from crm_analytics.tables.source_ref import public_name

    root, moment = project_folder(), now()
    own = read_key(root)
    if own is None:  # a new one would turn nothing back
        raise ParameterError(
            f"there is no key {KEY_FILE} in {root}. Only the key that made these pseudonyms can "
            "turn them back: bring it back from your copy"
        )
    base = CustomerBase.open(data, mapping=mapping, today=moment.date())
    known = base.collect(base.customers.select("customer_id"))["customer_id"].tolist()
    real = dict(zip(pseudonyms(known, own), known, strict=True))
    found = sum(one.lower() in real for one in ids)
    audit_trail.record(root, moment, "reveal", source=public_name(data), asked=len(ids), found=found)
    for one in ids:
        echo(f"{one}\t{real.get(one.lower(), '')}")
    if found < len(ids):
        raise ParameterError(
            f"{len(ids) - found} of {len(ids)} are not pseudonyms of these data under this project's key"
        )
    return 0
