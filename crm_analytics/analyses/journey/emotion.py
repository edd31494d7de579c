"""How customers feel in each stage, on one scale, and what hurts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import shared
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.journey.event_log import SOURCES
from crm_analytics.analyses.journey.steps import Steps

if TYPE_CHECKING:
    import ibis.expr.types as ir

ASKED = ("nps", "csat", "ces")  # of the surveys; higher is better (effort: "made it easy for you")
EXACT = "decimal(18, 4)"


def scores(journey: Steps) -> ir.Table | None:
    """One row per score: person, at, source, instrument, score (DECIMAL); None where nothing was asked."""
    base, parts = journey.base, []

    def add(name: str, at: str, column: str, instrument: ir.Value | None = None) -> None:
        table = base.tables[name]
        table = table.filter(table[column].notnull() & table.customer_id.notnull())
        parts.append(
            table.select(
                person=table.customer_id,
                at=table[at].cast("timestamp"),
                source=ibis.literal(SOURCES.index(name), "int8"),
                instrument=ibis.literal("sentiment" if name == "mentions" else "satisfaction")
                if instrument is None
                else instrument,
                score=table[column].cast(EXACT),
            )
        )

    have = {name: base.snapshot.tables[name].columns for name in journey.sources}
    if "satisfaction_score" in have.get("tickets", ()):
        add("tickets", "created_at", "satisfaction_score")
    if {"score", "customer_id"} <= set(have.get("survey_responses", ())):
        table = base.tables["survey_responses"]
        add("survey_responses", "responded_at", "score", table.instrument)
        parts[-1] = parts[-1].filter(parts[-1].instrument.isin(list(ASKED)))
    if {"sentiment", "customer_id"} <= set(have.get("mentions", ())):
        add("mentions", "created_timestamp", "sentiment")
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)


def emotion(journey: Steps, segments: ir.Table) -> pd.DataFrame:
    """Mean standardised score by segment and stage.

    Parameters
    ----------
    segments : person, segment

    Returns
    -------
    segment, stage, emotion (mean of the scores' distances from their instrument's mean, in its standard
        deviations, over all customers), lower, upper (95 %), scores (n). Instruments without spread are left
        out. Empty where nothing was asked.
    """
    columns = ["segment", "stage", "emotion", "lower", "upper", "scores"]
    found = scores(journey)
    if found is None:
        return pd.DataFrame(columns=columns)
    steps = journey.table
    when = steps.group_by("person", "at", "source").aggregate(stage=steps.stage.min())
    found = found.inner_join(when, ["person", "at", "source"]).inner_join(segments, "person")
    found = found.group_by("segment", "stage", "instrument").aggregate(
        n=found.count(), total=found.score.sum(), squares=(found.score * found.score).cast(EXACT).sum()
    )
    frame = journey.base.collect(found).sort_values(["segment", "stage", "instrument"])
    return standardised(frame)[columns]


def standardised(frame: pd.DataFrame) -> pd.DataFrame:
    """From sums by segment, stage and instrument to the mean standardised score of each segment and stage."""
    rows = []
    whole = frame.groupby("instrument")[["n", "total", "squares"]].sum()
    mean = whole["total"] / whole["n"]
    spread = (whole["squares"] / whole["n"] - mean**2).clip(lower=0) ** 0.5
    for (segment, stage), part in frame.groupby(["segment", "stage"], sort=True):
        n, total, squares = 0, 0.0, 0.0
        for row in part.to_dict("records"):
            m, s = mean[row["instrument"]], spread[row["instrument"]]
            if s <= 1e-9:
                continue
            n += int(row["n"])
            total += (row["total"] - row["n"] * m) / s
            squares += (row["squares"] - 2 * m * row["total"] + row["n"] * m * m) / s**2
        if n:
            z = total / n
            half = Z95 * math.sqrt(max(squares / n - z * z, 0) / n) if n > 1 else math.nan
            rows.append((segment, stage, z, z - half, z + half, n))
    return pd.DataFrame(rows, columns=["segment", "stage", "emotion", "lower", "upper", "scores"])


def pain_points(journey: Steps, minimum: int = 1) -> pd.DataFrame:
    """What customers open tickets about, by stage.

    Parameters
    ----------
    minimum : above 1 (a page that others read) tickets are told by their type alone: a subject is free text,
        and may name somebody however many share it. A type of fewer customers is called "others"

    Returns
    -------
    stage, subject, tickets, customers, complaints, satisfaction (mean), rated (n of it), the most complaints
    first. Empty where there are no tickets with a subject.
    """
    columns = ["stage", "subject", "tickets", "customers", "complaints", "satisfaction", "rated"]
    name = "subject" if "tickets" in journey.sources else ""
    have = journey.base.snapshot.tables["tickets"].columns if name else ()
    name = next((c for c in ("subject", "type")[minimum > 1 :] if c in have), "")
    if not name:
        return pd.DataFrame(columns=columns)
    table = journey.base.tables["tickets"]
    complaint = table.is_complaint.fill_null(False) if "is_complaint" in have else ibis.literal(True)
    score = table.satisfaction_score if "satisfaction_score" in have else ibis.null("float64")
    rows = table.select(
        person=table.customer_id,
        at=table.created_at.cast("timestamp"),
        subject=table[name].fill_null("(none)"),
        complaint=complaint,
        score=score.cast(EXACT),
    )
    rows = shared(rows, "subject", minimum, "person")
    steps = journey.table.filter(journey.table.source == SOURCES.index("tickets"))
    when = steps.group_by("person", "at").aggregate(stage=steps.stage.min())
    rows = rows.inner_join(when, ["person", "at"])
    found = rows.group_by("stage", "subject").aggregate(
        tickets=rows.count(),
        customers=rows.person.nunique(),
        complaints=rows.complaint.cast("int64").sum(),
        total=rows.score.sum(),
        rated=rows.score.count(),
    )
    frame = journey.base.collect(found)
    frame["satisfaction"] = (frame["total"].astype(float) / frame["rated"]).where(frame["rated"] > 0)
    order = ["complaints", "tickets", "stage", "subject"]
    frame = frame.sort_values(order, ascending=[False, False, True, True], ignore_index=True)
    return frame[columns]
