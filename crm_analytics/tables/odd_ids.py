"""How customer ids are written: which are nobody's, and in which ways all of them are.

Both are asked of every id, and what is true of some ids and of the others is true of all: where rows are
kept, only new ids are looked at.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import ibis.expr.types as ir

from crm_analytics.tables.total_rows import is_total_word

NOBODY = (
    "nan", "none", "null", "nil", "n/a", "na", "#n/a", "\\n", "undefined", "unknown", "guest", "anonymous",
    "anon", "-", "--", "?", ".", "no customer", "no name", "noname", "nobody", "walk-in", "walkin",
    "walk-in customer", "walk in", "guest checkout", "guest user", "cash", "cash sale", "cash customer",
    "counter", "counter sale", "pos", "gast", "gastkunde", "gastbestellung", "laufkunde", "laufkundschaft",
    "barverkauf", "unbekannt", "anonym", "invité", "inconnu", "anonyme", "client comptoir",
    "client de passage", "invitado", "anónimo", "desconocido", "público en general", "consumidor final",
    "ospite", "sconosciuto", "not set", "default", "dummy", "blank", "empty", "missing", "noreply",
    "no-reply", "donotreply", "nomail", "no-mail", "noemail", "no-email", "гость", "гост", "аноним",
    "gość", "klient detaliczny", "ziyaretçi", "misafir", "vendég", "gæst", "gjest",
    "gäst", "bezoeker", "visitante", "convidado", "ゲスト", "ゲスト購入", "客人", "游客", "散客", "匿名",
    "손님", "비회원", "ضيف", "زائر", "מזדמן", "barverkauf theke", "theke", "kassenkunde", "kasse",
)  # fmt: skip
_NO_VALUE = ("", "null", "none", "nan", "na", "n/a", "unknown", "guest", "anonymous", "undefined", "0", "-1")
HASHED = tuple(  # an id that was hashed where there was none
    hashlib.new(kind, word.encode(), usedforsecurity=False).hexdigest()
    for kind in ("md5", "sha1", "sha256")
    for one in _NO_VALUE
    for word in {one, one.upper(), one.capitalize(), "NaN" if one == "nan" else one}
)
_MASKED = r"[*•]{2,}|…|^[xX]{3,}[-_xX0-9]*$|^\[?(redacted|masked|hidden)\]?$"
_BRACKETS = r"""^[(<\[{"']+|[)>\]}"']+$"""
_NO_ID = r"^(-[0-9]+|[0-]+)$"  # -1, 0, 000000, 00000000-0000-0000-0000-000000000000
_EXPONENT = r"^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$"
_PLAIN = r"^[1-9A-Za-z][!#-~]*$"  # the same without blanks, zeros in front and signs that nobody sees
_GROUPED = r"^[0-9]{1,3}([.,'][0-9]{3})+$"  # 1.001 is 1001 in a sheet that groups digits
_MOST_ODD = 1000  # ids that are named; of more, all are looked through


@dataclass(frozen=True)
class IdForms:
    """What all ids have in common; true where there are none.

    Attributes
    ----------
    plain : no two differ only in what nobody sees
    small, large : written in small, in large letters
    short : no number of more digits than a spreadsheet keeps
    """

    plain: bool = True
    small: bool = True
    large: bool = True
    short: bool = True

    @property
    def one_case(self) -> bool:
        """Whether no two can differ in small and large letters alone."""
        return self.small or self.large

    def __and__(self, other: IdForms) -> IdForms:
        return IdForms(
            self.plain and other.plain, self.small and other.small, self.large and other.large,
            self.short and other.short,
        )  # fmt: skip


def forms_of(by_id: ir.Table) -> IdForms:
    """The forms of the ids in `customer_id`."""
    ids = by_id.customer_id
    seen = ids.re_search(_PLAIN) & ~ids.re_search(_GROUPED)
    found = by_id.aggregate(
        plain=seen.all(), small=(ids == ids.lower()).all(), large=(ids == ids.upper()).all(),
        short=(~is_long(ids)).all(),
    )  # fmt: skip
    return IdForms(**{name: value is not False for name, value in found.to_pyarrow().to_pylist()[0].items()})


def is_nobody(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether an id says that there is no customer: "guest", "(none)", "-1", "noreply@shop.example"."""
    word = ids.strip().lower().re_replace(_BRACKETS, "").strip()
    mailbox = word.re_replace("@.*$", "")
    return mailbox.isin(NOBODY) | word.re_search(_NO_ID) | word.isin(HASHED)


def ungrouped(ids: ir.StringValue) -> ir.StringValue:
    """Ids without the marks that part their digits in groups of three."""
    return ids.re_search(_GROUPED).ifelse(ids.re_replace("[.,']", ""), ids)


def odd_ids(by_id: ir.Table) -> tuple[str, ...] | None:
    """The ids that say that there is no customer, or that a spreadsheet cut; None: too many to name."""
    found = by_id.filter(is_odd(by_id.customer_id)).select("customer_id").distinct().limit(_MOST_ODD + 1)
    names = found.to_pyarrow()["customer_id"].to_pylist()
    return tuple(sorted(names)) if len(names) <= _MOST_ODD else None


def is_odd(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether an id may be no customer's."""
    return is_nobody(ids) | is_total_word(ids) | is_exponent(ids) | is_masked(ids)


def is_exponent(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether a spreadsheet shortened it: 4.68769E+15."""
    return ids.re_search(_EXPONENT)


def is_masked(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether a part of it was hidden: ***1234, so that several customers may bear it."""
    return ids.re_search(_MASKED)


def is_long(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether it is a number of more digits than a spreadsheet keeps."""
    return ids.re_search(r"^[0-9]{16,}([.]0)?$")
