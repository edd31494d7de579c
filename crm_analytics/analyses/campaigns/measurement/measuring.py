"""Waves that were issued, as the tables by which campaigns are measured."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.analyses.campaigns.lists.contact_pressure import OURS
from crm_analytics.analyses.campaigns.lists.exporting import WAVE, issued, terms_of, write_whole
from crm_analytics.analyses.campaigns.lists.lists import TREATED
from crm_analytics.errors import DataError, PublishError
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.regular_files import open_regular

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

TABLES = ("campaigns", "campaign_members")


def as_campaigns(base: CustomerBase, folders: list[Path], key: bytes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The waves as the contract's tables `campaigns` and `campaign_members`: a list of a wave is a campaign.

    Parameters
    ----------
    folders : of waves, <name of the lists>/<day>
    key : of the pseudonyms; customers of waves made with another key are left out

    Returns
    -------
    campaigns : campaign_id, campaign_name, list_name, start_date
    campaign_members : member_id, campaign_id, customer_id, treatment ("treated" or "control"), reason_code,
        sent_at (the day of the wave), cost (of the treated, as the wave's terms say; NULL where they do not)

    Raises
    ------
    DataError : there is no wave, or a file of one is broken
    """
    found = issued(base, folders, key)
    if found is None:
        raise DataError("no wave is issued yet: `crm run` issues those of every [[list]] in crm.toml")
    rows = base.collect(found.order_by("issued_on", "lists", "list", "customer_id"))
    day = pd.to_datetime(rows["issued_on"]).dt.strftime("%Y-%m-%d")
    rows["cost"] = _costs(rows, folders)
    rows["campaign_id"] = OURS + rows["lists"] + ":" + rows["list"] + ":" + day
    rows["campaign_name"] = rows["list"].str.replace("_", " ") + " of " + day
    rows["member_id"] = rows["campaign_id"] + ":" + pd.Series(pseudonyms(rows["customer_id"].tolist(), key))
    rows = rows.rename(columns={"issued_on": "sent_at"}).assign(list_name=rows["list"])
    campaigns = rows.groupby("campaign_id", as_index=False, sort=False).first()
    campaigns = campaigns.rename(columns={"sent_at": "start_date"})
    return (
        campaigns[["campaign_id", "campaign_name", "list_name", "start_date"]],
        rows[["member_id", "campaign_id", "customer_id", "treatment", "reason_code", "sent_at", "cost"]],
    )


def _costs(rows: pd.DataFrame, folders: list[Path]) -> pd.Series:
    """Of each contact; NaN for controls, and where the terms of the wave do not say it."""
    found = {
        (f.parent.name, f.name): terms_of(f).get("contact_cost") for f in folders if (f / WAVE).is_file()
    }
    waves = zip(rows["lists"], pd.to_datetime(rows["issued_on"]).dt.strftime("%Y-%m-%d"), strict=True)
    cost = pd.Series([found.get(wave) for wave in waves], rows.index, dtype="float64")
    return cost.where(rows["treatment"] == TREATED)


def write_campaigns(tables: tuple[pd.DataFrame, pd.DataFrame], folder: Path) -> list[Path]:
    """Write both as Parquet into a folder of tables; what was written so before is replaced.

    Raises
    ------
    PublishError : the folder has such tables of its own, or a file cannot be written
    """
    if not folder.is_dir():
        raise PublishError(f"there is no folder {folder}: make it, or give the folder of your tables")
    targets = [folder / f"{name}.parquet" for name in TABLES]
    for target in targets:
        others = [p.name for p in folder.glob(f"{target.stem}.*") if p != target]
        if others or (target.exists() and not _ours(target)):
            raise PublishError(
                f"{folder} has {others[0] if others else target.name} already: write to another folder, and "
                "append the rows to yours"
            )
    written = []
    for target, table in zip(targets, tables, strict=True):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), buffer)
        written.append(write_whole(target, buffer.getvalue()))
    return written


def _ours(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            ids = pq.read_table(file, columns=["campaign_id"]).column(0).to_pylist()
    except (OSError, pa.ArrowException):
        return False
    return all(str(one).startswith(OURS) for one in ids)
