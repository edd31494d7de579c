"""How customers say they heard of us, and what the register says: an answer for shops without click data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import OTHERS, shared
from crm_analytics.analyses.intervals import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

INSTRUMENT = "heard_from"
_CHANNELS = (
    ("customers", "acquisition_channel"),
    ("marketing_spend", "channel"),
    ("campaigns", "channel"),
    ("events", "channel"),
)


def heard_from(base: CustomerBase, minimum: int = 1) -> pd.DataFrame:
    """Where customers say they come from, beside the acquisition channel in the customers table.

    Parameters
    ----------
    base : with survey_responses of the instrument ``heard_from`` (the answer in ``text``), or customers
        with an acquisition_channel, or both
    minimum : above 1 (a page that others read) an answer is told where it is the name of a channel that the
        data know, and is called "others" otherwise: it is free text, however many give it. Channels of fewer
        customers are "others", too

    Returns
    -------
    source (``survey`` or ``register``), channel, customers, of (all who answered or are registered with a
    channel), share, lower, upper (95 %, Wilson); empty where neither is known. Of a person who answered
    several times the first answer counts: it is nearest to the hearing.
    """
    parts = []
    for source, answers in (("survey", _answers(base)), ("register", _register(base))):
        if answers is None:
            continue
        told = _known_channels(base, answers) if minimum > 1 and source == "survey" else answers
        named = shared(told, "channel", minimum, answers.columns[0])
        counted = named.group_by("channel").aggregate(customers=named.count())
        frame = base.collect(counted).sort_values(["customers", "channel"], ascending=[False, True])
        frame.insert(0, "source", source)
        frame["of"] = int(frame["customers"].sum())
        parts.append(frame)
    columns = ["source", "channel", "customers", "of", "share", "lower", "upper"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True)
    found["share"] = found["customers"] / found["of"]
    ends = [wilson(int(k), int(n)) for k, n in zip(found["customers"], found["of"], strict=True)]
    found["lower"], found["upper"] = [low for low, _ in ends], [high for _, high in ends]
    return found[columns]


def _answers(base: CustomerBase) -> ir.Table | None:
    if "survey_responses" not in base.snapshot.tables:
        return None
    asked = base.tables["survey_responses"]
    if "text" not in asked.columns:
        return None
    asked = asked.filter((asked.instrument == INSTRUMENT) & asked["text"].notnull())
    first = asked.responded_at.min().over(group_by=asked.respondent_id)
    nearest = asked.filter(asked.responded_at == first)
    return nearest.group_by("respondent_id").aggregate(channel=nearest["text"].min())


def _known_channels(base: CustomerBase, answers: ir.Table) -> ir.Table:
    """The answers as channels that some table of the source names, whatever their case; else "others"."""
    named = [
        base.tables[table].select(known=base.tables[table][column].strip())
        for table, column in _CHANNELS
        if table in base.snapshot.tables and column in base.snapshot.tables[table].columns
    ]
    if not named:
        return answers.mutate(channel=ibis.literal(OTHERS))
    every = ibis.union(*named, distinct=True) if len(named) > 1 else named[0].distinct()
    spelled = every.filter(every.known.notnull()).mutate(low=every.known.lower())
    spelled = spelled.group_by("low").aggregate(known=spelled.known.min())
    found = answers.left_join(spelled, answers.channel.strip().lower() == spelled.low)
    return found.select(answers.columns[0], channel=found.known.fill_null(OTHERS))


def _register(base: CustomerBase) -> ir.Table | None:
    tables = base.snapshot.tables
    if "customers" not in tables or "acquisition_channel" not in tables["customers"].columns:
        return None
    listed = base.tables["customers"]
    return listed.filter(listed.acquisition_channel.notnull()).select(
        "customer_id", channel="acquisition_channel"
    )
