"""Public mentions, ready to count: by whom, of which brand, how they sound, and what is set aside.

A mention is joined to a customer only where the data say who wrote it: by the customer id in the row, or by a
social handle in the table of identities. Names and texts are never compared, and no trait of a person is read
from a profile or from what they write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"mentions": ("created_timestamp", "platform")}
HANDLE = "social_handle"
SURE = 0.9  # probability of a match from which an identity counts as known
BOT_SHARE, BOT_LEAST = 0.10, 30  # of all mentions, and mentions, from which an author is set aside
COUNTERS = ("likes", "shares", "comments", "impressions", "clicks", "followers")  # as they stand today
FULL_SCALES = (1.0, 5.0, 10.0, 100.0)  # ends of the scales that scores of sentiment come in


@dataclass(frozen=True, eq=False)
class Mentions(ObjectCard):
    """The mentions of a base at its day.

    Attributes
    ----------
    rows : Ibis, one row per mention: mention_id, at, day, platform, author (handle in small letters, or
        NULL), writer (author, or the mention itself where none is told: what is drawn), customer_id (known
        identities only, or NULL), brand, sentiment (-1 to 1, or NULL), topic, replied_at, ticket_id,
        in_reply_to, message, is_ours (brand is our own), counters (0 where not told)
    owned : posts of our own accounts, in the same form
    brand : what counts as our own; empty where brands are not told
    authors_aside, mentions_aside : authors with a tenth of all mentions or more, and their mentions
    without_author : mentions whose author is not told
    joined : mentions of known customers
    scale : 1 where scores of sentiment come as -1 to 1, 5 where as -5 to 5, ...; None without scores
    """

    base: CustomerBase
    rows: ir.Table
    owned: ir.Table
    brand: str
    authors_aside: int
    mentions_aside: int
    without_author: int
    joined: int
    total: int
    scale: float | None

    @property
    def ours(self) -> ir.Table:
        """Mentions of our own brand."""
        return self.rows.filter(self.rows.is_ours)


def mentions(base: CustomerBase, brand: str = "") -> Mentions:
    """Read the table of mentions.

    Parameters
    ----------
    brand : our own; by default that of our own posts, else of the mentions that were replied to, else the one
        mentioned most

    Raises
    ------
    DataError : the source has no mentions.
    NotEnoughData : there is none on the day.
    """
    base.require(NEEDS)
    scale = scale_of(base)
    rows = base.materialise(_rows(base, scale))
    ours = brand or _own_brand(base, rows)
    rows = rows.mutate(is_ours=(rows.brand.fill_null(ours) == ours) if ours else ibis.literal(True))
    public = rows.filter(~rows.is_owned)
    total = int(public.count().to_pyarrow().as_py())
    if not total:
        raise NotEnoughData("Mentions", 0, 1, "mentions by others")
    loud = _loud(base, public, total)
    kept = base.materialise(public.anti_join(loud, "author"))
    seen = kept.aggregate(
        n=kept.count(), nobody=kept.author.isnull().sum(), joined=kept.customer_id.notnull().sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return Mentions(
        base, kept, rows.filter(rows.is_owned), ours, int(loud.count().to_pyarrow().as_py()),
        total - seen["n"], int(seen["nobody"] or 0), int(seen["joined"] or 0), total, scale,
    )  # fmt: skip


def scale_of(base: CustomerBase) -> float | None:
    """The end of the scale that the source scores sentiment on, from all its rows; None without scores."""
    table = base.snapshot.tables["mentions"]  # a fact of the column, not of a day
    if "sentiment" not in table.columns:
        return None
    most = table.sentiment.abs().max().to_pyarrow().as_py()
    return None if most is None else next((end for end in FULL_SCALES if most <= end), float(most))


def authors_of(base: CustomerBase) -> ir.Table | None:
    """platform, author, known_id: handles that identities name as a customer's; None where there are none.

    A handle that two customers claim on one platform is nobody's.
    """
    known = base.tables.get("customer_identities")
    if known is None:
        return None
    sure = known.match_probability.fill_null(1.0) >= SURE if "match_probability" in known.columns else True
    known = known.filter(known.id_type.lower() == HANDLE, sure)
    if "valid_to" in known.columns:
        known = known.filter(known.valid_to.isnull())
    each = known.group_by(platform=known.source_system.lower(), author=handle_of(known.id_value)).aggregate(
        known_id=known.customer_id.min(), claims=known.customer_id.nunique()
    )
    return each.filter(each.claims == 1).drop("claims")


def handle_of(text: ir.StringValue) -> ir.StringValue:
    """A handle as it is compared: small letters, without a leading @ or blanks; empty is NULL."""
    return text.strip().lower().re_replace("^@+", "").nullif("")


def _rows(base: CustomerBase, scale: float | None) -> ir.Table:
    table = base.tables["mentions"]
    has = set(table.columns)

    def text(name: str) -> ir.Value:
        return table[name] if name in has else ibis.null("string")

    key = text("mention_id")
    rows = table.select(
        mention_id=key, at=table.created_timestamp, day=table.created_timestamp.date(),
        platform=table.platform.lower(), author=handle_of(text("author_handle")), told_id=text("customer_id"),
        brand=text("brand"), topic=text("topic"), ticket_id=text("ticket_id"), message=text("message"),
        in_reply_to=text("in_reply_to"),
        replied_at=table.replied_at if "replied_at" in has else ibis.null("timestamp"),
        tells_replies=ibis.literal("replied_at" in has),
        sentiment=(table.sentiment / scale) if scale else ibis.null("float64"),
        is_owned=table.is_owned.fill_null(False) if "is_owned" in has else ibis.literal(False),
        **{n: (table[n].fill_null(0) if n in has else ibis.literal(0, "int64")) for n in COUNTERS},
    )  # fmt: skip
    rows = rows.filter(rows.at.notnull())
    known = authors_of(base)
    if known is None:
        rows = rows.mutate(customer_id=rows.told_id)
    else:
        rows = rows.left_join(known, ["platform", "author"]).drop("platform_right", "author_right")
        rows = rows.mutate(customer_id=rows.told_id.fill_null(rows.known_id)).drop("known_id")
    number = ibis.row_number().over(order_by=[rows.at, rows.mention_id, rows.platform])
    alone = ibis.literal("mention ") + number.cast("string")
    return rows.mutate(writer=rows.author.fill_null(rows.customer_id).fill_null(alone)).drop("told_id")


def _own_brand(base: CustomerBase, rows: ir.Table) -> str:
    named = rows.filter(rows.brand.notnull())
    counted = named.group_by("brand").aggregate(
        owned=named.is_owned.sum(), replied=named.replied_at.notnull().sum(), n=named.count()
    )
    order = [ibis.desc("owned"), ibis.desc("replied"), ibis.desc("n"), "brand"]
    found = base.collect(counted.order_by(order).limit(1))
    return "" if found.empty else str(found["brand"].iloc[0])


def _loud(base: CustomerBase, public: ir.Table, total: int) -> ir.Table:
    """Authors with so many mentions that they would speak for everybody: a bot, or an account of our own."""
    each = public.filter(public.author.notnull())
    each = each.group_by("author").aggregate(n=each.count())
    least = max(BOT_LEAST, BOT_SHARE * total)
    return base.materialise(each.filter(each.n >= least).select("author"))
