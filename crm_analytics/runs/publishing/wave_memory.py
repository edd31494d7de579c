"""What waves remember between nights: mended where it was torn, set aside where it is lost; who is barred."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.runs.publishing import publish, published_tree, suppressions

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase


def mend(out: Path, key: bytes) -> list[str]:
    """Repair torn waves, and set aside those of which nothing is left; in words, what was done.

    Raises
    ------
    DataError : a file may not be read.
    PublishError : a file cannot be written.
    """
    from crm_analytics.analyses import campaigns

    remarks = []
    for wave in published_tree.waves_in(out):
        name = f"{wave.parent.name} of {wave.name}"
        if not campaigns.is_torn(wave):
            campaigns.repair_record(wave, key)
            continue
        if campaigns.repair(wave, key):
            campaigns.repair_record(wave, key)
            remarks.append(f"the list {name} was torn and is repaired; who was its control group is lost")
        else:
            with publish.in_words(wave):
                aside = set_aside(wave)
            remarks.append(
                f"the list {name} was torn and is set aside ({aside.name}): whom it reached is not known"
            )
    return remarks


def set_aside(folder: Path) -> Path:
    """Rename what is not whole, so that nothing is made of it and nothing is lost."""
    number, target = 1, folder.with_name(f".torn-{folder.name}")
    while target.exists():
        number += 1
        target = folder.with_name(f".torn-{folder.name}-{number}")
    return folder.rename(target)


def without_forgotten(base: CustomerBase, out: Path, root: Path) -> tuple[CustomerBase, list[str]]:
    """The base as it will be when the source is cleaned of those whom `crm forget` took out, and their ids.

    Raises
    ------
    DataError : who they are cannot be read.
    """
    if not suppressions.tokens(out):
        return base, []
    gone = barred(out, base, published_tree.key_for(out, root))
    known = base.known_ids
    ids = sorted(known.loc[known["customer_id"].isin(gone), "known_id"].unique())
    return base.without_customers(ids), ids


def barred(out: Path, base: CustomerBase, key: bytes) -> list[str]:
    """Customers of a base whom `crm forget` took out: nobody contacts them before the source is cleaned.

    Raises
    ------
    DataError : who they are cannot be read.
    """
    if not suppressions.tokens(out):
        return []
    known = base.known_ids
    own = known[(known["since"] == "") & (known["until"] == "")]  # ids that are the customer's own
    gone = suppressions.suppressed(out, own["known_id"].tolist(), key)
    return sorted(own.loc[own["known_id"].isin(gone), "customer_id"].unique())
