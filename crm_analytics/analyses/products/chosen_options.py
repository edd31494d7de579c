"""Which options customers choose on products that can be customised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.disclosure import OTHERS
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.products.product_lines import product_lines

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("product_id", "attributes")}
SHARED = 5  # customers: a choice that fewer made may be somebody's name on a mug


def chosen_options(base: CustomerBase, minimum: int = SHARED) -> pd.DataFrame:
    """Shares of the choices of each option.

    `transactions.attributes` holds JSON (``{"size": "L"}``) or pairs (``size=L; colour=red``). Other text is
    no option.

    Parameters
    ----------
    minimum : choices of fewer customers are "others"; so is all free text

    Returns
    -------
    product, option, choice, units, lines, share (of the lines of that product with that option), lower,
    upper (95 %, Wilson); by product, option and share

    Raises
    ------
    DataError : the source has no attributes.

    Examples
    --------
    >>> parsed('{"size": "L", "gift": true}'), parsed("size = L; colour=red"), parsed("as always")
    ({'size': 'L', 'gift': 'true'}, {'size': 'L', 'colour': 'red'}, {})
    """
    base.require(NEEDS)
    lines = product_lines(base)
    lines = lines.filter(~lines.is_return, lines.attributes.notnull())
    counted = lines.group_by("product", "attributes", "customer_id").aggregate(
        lines=lines.count(), units=lines.quantity.sum()
    )
    found = base.collect(counted)
    found["options"] = pd.Series([list(parsed(t).items()) for t in found["attributes"]], found.index)
    rows = found.explode("options").dropna(subset=["options"])
    rows["option"] = [option for option, _ in rows["options"]]
    rows["choice"] = [choice for _, choice in rows["options"]]
    keys = ["product", "option"]
    people = rows.groupby([*keys, "choice"])["customer_id"].transform("nunique")
    rows["choice"] = rows["choice"].where(people >= minimum, OTHERS)
    table = rows.groupby([*keys, "choice"], as_index=False)[["units", "lines"]].sum()
    of = table.groupby(keys)["lines"].transform("sum")
    bounds = [wilson(int(k), int(n)) for k, n in zip(table["lines"], of, strict=True)]
    table = table.assign(
        share=table["lines"] / of, lower=[low for low, _ in bounds], upper=[high for _, high in bounds]
    )
    return table.sort_values(
        [*keys, "share", "choice"], ascending=[True, True, False, True], ignore_index=True
    )


def parsed(text: str) -> dict[str, str]:
    """Options of one line; empty where the text is none."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            found = json.loads(stripped)
        except ValueError:
            return {}
        return {str(k): _plain(v) for k, v in found.items() if v is not None}
    pairs = [part.split("=", 1) for part in stripped.replace("|", ";").split(";") if "=" in part]
    return {k.strip(): v.strip() for k, v in pairs if k.strip() and v.strip()}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
