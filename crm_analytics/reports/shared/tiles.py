"""Key figures, actions and words of `analyses`, worded for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.actions import NO_COST, NO_MARGIN, Action, Expected
from crm_analytics.analyses.audiences import PAYS, held_back
from crm_analytics.analyses.contact_effect import STATED_EFFECT
from crm_analytics.analyses.definitions import Definitions
from crm_analytics.analyses.kpi import COUNT, MONEY, SHARE, Kpi
from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared.plans import Plans
from crm_analytics.reports.shared.reasons import spoken
from crm_analytics.reports.shared.spoken import meaning
from crm_analytics.tables.days import span_of

if TYPE_CHECKING:
    from crm_analytics.analyses.comparison import Change
    from crm_analytics.pages.sentences import Sentences
    from crm_analytics.reports.shared.trends import Past


HANDFUL = 10  # customers or orders, below which a change is told in counts


def label_of(t: Sentences, kpi: Kpi) -> str:
    """What a key figure is called on a page."""
    n, unit = span_of(kpi.period.lstrip("-")) if kpi.period != "to date" else (0, "W")
    return t.of(f"kpi.{kpi.id}", {"n": n, "span": span(t, n, unit)})


def tile(t: Sentences, kpi: Kpi, note: str = "", past: Past | None = None) -> dict[str, str]:
    """One key figure: its value, its change on a year ago or else on the period before, interval or n.

    Parameters
    ----------
    note : in place of the interval
    past : its last periods or runs, drawn as a small line
    """
    label = label_of(t, kpi)
    if kpi.value is None:
        return blocks.kpi(label, t("kpi.not_known"), note=with_target(t, kpi, refusal(t, kpi)))
    change = kpi.against_year or kpi.against_previous
    note = note or _range(t, kpi)
    note = with_target(t, kpi, note)
    shown: dict[str, Any] = {"label": label, "value": say(t, kpi.value, kpi.unit), "note": note}
    if change is not None and change.change is not None and not is_handful(kpi.unit, change):
        shown["change"] = change_of(t, change, "year" if kpi.against_year else "before")
        # what may be chance has no colour
        shown["direction"] = words.direction(change.now, change.before) if change.is_clear else ""
    come, values = past.points(kpi) if past else ("", [])
    if not past or not values:
        return blocks.kpi(**shown)
    n, unit = span_of(past.given.span.lstrip("-"))
    slots = {"n": len(values), "first": say(t, values[0], kpi.unit), "span": span(t, n, unit)}
    return blocks.kpi(**shown, trend=values, trend_said=t.of(f"trend.{come}", slots))


def _range(t: Sentences, kpi: Kpi) -> str:
    """The interval, where its ends read as two numbers."""
    if kpi.lower is None or kpi.upper is None or say(t, kpi.lower, kpi.unit) == say(t, kpi.upper, kpi.unit):
        return ""
    return interval(t, kpi.lower, kpi.upper, format_of(t, kpi.unit))


def is_handful(unit: str, change: Change) -> bool:
    """Whether both counts are so small that per cent of them say nothing: 4 after 3 is no rise by a third."""
    return unit == COUNT and max(change.now, change.before) < HANDFUL


def with_target(t: Sentences, kpi: Kpi, note: str) -> str:
    """The note of a tile, with the figure's target and how it stands to it; as it is where there is none."""
    if kpi.target is None:
        return note
    slots = {
        "way": "at_least" if kpi.target.at_least else "at_most",
        "value": words.say(kpi.target.value, _format_of_target(t, kpi)),
        "standing": kpi.target.standing(kpi),
    }
    return " · ".join(part for part in (note, t.of("kpi.target", slots)) if part)


def _format_of_target(t: Sentences, kpi: Kpi) -> str:
    """With as many places as its owner wrote, up to two: 40.5 % is not 41 %."""
    assert kpi.target is not None
    if kpi.unit in (COUNT, MONEY):
        return format_of(t, kpi.unit)
    scale, kind = (100, "percent") if kpi.unit == SHARE else (1, "number")
    shown = scale * kpi.target.value
    places = next((n for n in (0, 1) if abs(shown - round(shown, n)) < 1e-9), 2)
    return f"{kind}:{places}"


def refusal(t: Sentences, kpi: Kpi) -> str:
    """Why a figure has no value, in the language of the page."""
    return t.of("kpi.refusal", {"why": spoken(kpi.refusal, t.language)})


def change_of(t: Sentences, change: Change, against: str) -> str:
    """A change in short: arrow, size, interval, against what ("year" or "before")."""
    assert change.change is not None
    share = abs(change.change)
    way = words.direction(change.now, change.before) if round(share, 2) else "flat"
    low = None if change.lower is None else max(change.lower, -1.0)  # nothing falls by more than all of it
    bounds = interval(t, low, change.upper, "percent:0")
    return t(f"change.{against}", way=way, share=share, interval=bounds)


def interval(t: Sentences, low: float | None, high: float | None, fmt: str) -> str:
    """A range, in the language of the page; both ends of an amount have cents, or none has."""
    kind, _, currency = fmt.partition(":")
    if kind == "money" and max(abs(end or 0.0) for end in (low, high)) >= 100:
        return t("interval", low=words.money(low, currency, 0), high=words.money(high, currency, 0))
    return t("interval", low=words.say(low, fmt), high=words.say(high, fmt))


def span(t: Sentences, n: int, unit: str) -> str:
    """A span of time in words: "13 weeks"."""
    return t(f"span.{unit.lower()}", n=n)


def say(t: Sentences, value: Any, unit: str) -> str:
    """A value in its unit."""
    return words.say(value, format_of(t, unit))


def format_of(t: Sentences, unit: str) -> str:
    """The format of a unit, see `words.say`."""
    return {COUNT: "count", MONEY: f"money:{t.currency}", SHARE: "percent:0"}.get(unit, "number:1")


def action_of(
    t: Sentences, action: Action, plan: Plans, why: str = "", more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One action, worded; `why` in place of its usual reason, `more` for slots of its own."""
    slots: dict[str, Any] = {
        "n": action.customers,
        "contacted": action.customers - held_back(action.customers),
        "days": plan.given.definitions.at_risk_days,
        "lapsed": plan.given.definitions.lapsed_days,
        "cost": plan.cost.amount,
        "verb": action.verb,
        "group": "pays" if PAYS in action.whom.get("group", ()) else "all",
        "rest": _rest(action, plan),
        **(more or {}),
    }
    why_of = f"action.{action.id}.why"
    if slots["rest"] and t.knows(f"{why_of}_rest"):
        why_of += "_rest"
    do = t.of(f"action.{action.id}.{action.verb}", slots)
    return blocks.action(
        do,
        why or t.of(why_of, slots),
        t(f"role.{action.who}"),
        expected_value=_expected(t, action),
        list_name=action.list_name,
        list_count=action.customers,
        fact=action.facts(),
    )


def plain_action(  # noqa: PLR0917
    t: Sentences, name: str, who: str, do: str, why: str, whom: str = "", worth: str = ""
) -> dict[str, Any]:
    """Something to prepare, decide or answer that no list of customers belongs to.

    Parameters
    ----------
    name : of the action, for machines
    who : role of the catalogues
    whom : what it is about, as `Action.facts` writes it: "channel=display"
    worth : what it can still bring, in words
    """
    fact = {"id": name, "who": who, "verb": "prepare", "whom": whom or f"about={name}", "list": ""}
    return blocks.action(do, why, t(f"role.{who}"), expected_value=worth, fact=fact)


def _rest(action: Action, plan: Plans) -> int:
    """Customers of the same standing whom the action leaves out, where it speaks of one standing alone."""
    standings = action.whom.get("standing", ())
    if len(standings) != 1 or not action.customers:
        return 0
    return max(plan.given.standing_counts.get(standings[0], 0) - action.customers, 0)


def _expected(t: Sentences, action: Action) -> str:
    return "" if action.expected is None else expected_words(t, action.expected)


def expected_words(t: Sentences, found: Expected) -> str:
    """What an action can still bring, with its interval and what is not in it."""
    money = f"money:{t.currency}"
    slots = {"value": found.value, "interval": interval(t, found.lower, found.upper, money)}
    if NO_MARGIN in found.without:
        return t("expected.revenue", **slots)
    return t("expected.before_cost" if NO_COST in found.without else "expected.margin", **slots)


def effect_words(t: Sentences, plan: Plans) -> str:
    """What a contact changes, and how that is known."""
    found = plan.effect
    bounds = interval(t, found.lower, found.upper, "percent:0")
    if found.source == "stated":
        return t("effect.stated", value=found.value, interval=bounds)
    said = t(
        f"effect.measured.{'shown' if found.lower > 0 or found.upper < 0 else 'not_told_apart'}",
        campaigns=found.campaigns,
        value=found.value,
        interval=bounds,
    )
    return said if plan.audiences is None else f"{said} {t('effect.measured.where', value=STATED_EFFECT)}"


def glossary_of(t: Sentences, found: Definitions, names: Iterable[str]) -> dict[str, str]:
    """Words with their sentence, for the glossary of a page."""
    slots = {"at_risk_days": found.at_risk_days, "lapsed_days": found.lapsed_days}
    return {t(f"word.{name}"): meaning(t, name, slots) for name in names}
