"""What customers say: tickets, survey answers, public mentions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block, Calendar, only

_COMPLAINTS = ("Parcel arrived broken", "Wrong product", "Too late", "Taste is not as before",
               'My refund? <script>alert("x")</script>',
               '=HYPERLINK("http://evil.example","refund")')  # fmt: skip
_QUESTIONS = ("Change of address", "Which grinder fits?", "Invoice wanted", "Do you ship to Graz?")
_QUESTION_SHARE = 0.03  # of orders
MINUTE_COST = 1.5  # of a ticket, money


def make_tickets(block: Block, orders: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The table of tickets: every complaint of the truth, and questions; solving is known when it is done."""
    chance, calendar = block.chance, block.calendar
    mine = orders.loc[orders["who"] >= 0]
    asked = mine["complaint"].to_numpy() | (chance.random(len(mine)) < _QUESTION_SHARE)
    mine = mine.loc[asked]
    bad, count = mine["complaint"].to_numpy(), len(mine)
    at = mine["at"].to_numpy() + np.where(
        bad, chance.uniform(0.02, 0.9, count), chance.uniform(0.1, 6, count)
    )
    reply = at + chance.exponential(0.25, count) + 0.01
    solved = reply + chance.exponential(np.where(bad, 2.5, 0.5), count)
    fits = at < calendar.days
    done = solved < calendar.days
    minutes = np.round(chance.gamma(2.0, np.where(bad, 14.0, 5.0), count), 1)
    happy = np.clip(
        np.round(np.where(bad, 3.4, 4.5) - 0.25 * (solved - at) + chance.normal(0, 0.7, count)), 1, 5
    )
    text = np.where(bad, _pick(chance, _COMPLAINTS, count), _pick(chance, _QUESTIONS, count))
    late = pd.array(np.where(bad, chance.poisson(0.25, count), 0), "Int64")
    table = pd.DataFrame(
        {
            "ticket_id": np.array([f"T{block.number:03d}{n:06d}" for n in range(count)], object),
            "customer_id": ids[mine["who"]],
            "created_at": calendar.stamp(at),
            "channel": _pick(chance, ("email", "phone", "chat"), count),
            "type": np.where(bad, "problem", "question"),
            "is_complaint": bad,
            "priority": np.where(bad & (chance.random(count) < 0.3), "high", "normal"),
            "status": np.where(done, "solved", "open"),
            "product_id": None,
            "transaction_id": mine["key"].to_numpy(object),
            "first_reply_at": _when(calendar, reply),
            "first_solved_at": _when(calendar, solved),
            "last_solved_at": _when(calendar, solved),
            "reopens": pd.array(late, "Int64"),
            "replies": pd.array(1 + chance.poisson(1.0, count), "Int64"),
            "reassignments": pd.array(chance.poisson(0.2, count), "Int64"),
            "sla_due_at": calendar.stamp(at + 1),
            "satisfaction_score": np.where(chance.random(count) < 0.6, happy, np.nan),
            "handle_minutes": minutes,
            "cost": np.round(minutes * MINUTE_COST, 2),
            "resolution": np.where(bad, "replaced", "answered"),
            "subject": text,
            "description": text,
        }
    )
    unsolved = [
        "reopens",
        "replies",
        "reassignments",
        "satisfaction_score",
        "handle_minutes",
        "cost",
        "resolution",
    ]
    table[unsolved] = table[unsolved].where(pd.Series(done), None)
    return table.loc[fits].reset_index(drop=True)


def _pick(chance: np.random.Generator, words: tuple[str, ...], count: int) -> np.ndarray:
    return np.array(words, object)[chance.integers(0, len(words), count)]


def _when(calendar: Calendar, at: np.ndarray) -> pd.Series:
    known = at < calendar.days
    return pd.Series(calendar.stamp(np.where(known, at, 0.0))).where(known)


def make_mentions(block: Block, orders: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The table of mentions: about one order in fifty is talked about, one in three by somebody we know."""
    chance, calendar = block.chance, block.calendar
    some = orders.loc[chance.random(len(orders)) < 0.02]
    count = len(some)
    bad = some["complaint"].to_numpy() | (chance.random(count) < 0.2)
    at = np.minimum(some["at"].to_numpy() + chance.exponential(3, count), calendar.days - 0.01)
    good_words = (
        "Best coffee in town ☕",
        "Lovely gift box!",
        "@teaandco thank you 💚",
        "Fast parcel, great mug",
    )
    bad_words = (
        "Third late parcel…",
        "Not again @teaandco",
        "<img src=x onerror=alert(1)> broken again",
        "Too dear",
    )
    known = (some["who"].to_numpy() >= 0) & (chance.random(count) < 0.33)
    reply = at + chance.exponential(0.5, count) + 0.01
    answered = bad & (chance.random(count) < 0.6) & (reply < calendar.days)
    return pd.DataFrame(
        {
            "mention_id": np.array([f"M{block.number:03d}{n:06d}" for n in range(count)], object),
            "created_timestamp": calendar.stamp(at),
            "platform": _pick(chance, ("instagram", "x", "facebook", "reviews"), count),
            "author_handle": np.array([f"@user{block.number}_{n}" for n in range(count)], object),
            "customer_id": only(known, ids[some["who"].to_numpy()]),
            "brand": "Ours",
            "message": np.where(bad, _pick(chance, bad_words, count), _pick(chance, good_words, count)),
            "is_owned": False,
            "in_reply_to": None,
            "sentiment": np.round(
                np.clip(np.where(bad, -0.55, 0.6) + chance.normal(0, 0.25, count), -1, 1), 3
            ),
            "topic": _pick(chance, ("delivery", "product", "price", "service"), count),
            "likes": chance.poisson(6, count),
            "shares": chance.poisson(0.6, count),
            "comments": chance.poisson(1.1, count),
            "impressions": chance.poisson(400, count),
            "clicks": chance.poisson(5, count),
            "followers": chance.geometric(0.004, count),
            "replied_at": pd.Series(calendar.stamp(np.where(answered, reply, 0.0))).where(answered),
            "ticket_id": None,
        }
    )


def make_surveys(
    block: Block, orders: pd.DataFrame, truth: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """Answers in the long form: NPS, effort, how we were found, brands rated and chosen."""
    chance, calendar = block.chance, block.calendar
    mine = orders.loc[orders["who"] >= 0]
    ids = table["customer_id"].to_numpy(object)
    after = mine.loc[chance.random(len(mine)) < 0.05]
    who = after["who"].to_numpy()
    unhappy = after["complaint"].to_numpy()
    at = np.minimum(after["at"].to_numpy() + chance.uniform(1, 5, len(after)), calendar.days - 0.01)
    nps = np.clip(np.round(np.where(unhappy, 3.5, 8.6) + chance.normal(0, 1.6, len(after))), 0, 10)
    effort = np.clip(np.round(np.where(unhappy, 3.0, 5.8) + chance.normal(0, 1.0, len(after))), 1, 7)
    likely, easy = "How likely are you to recommend us?", "We made it easy for you"
    parts = [
        _answers(ids[who], at, "nps", likely, score=nps, low=0, high=10),
        _answers(ids[who], at, "ces", easy, score=effort, low=1, high=7),
    ]
    new = np.flatnonzero(truth["bought"].to_numpy() & (chance.random(len(truth)) < 0.2))
    honest = chance.random(len(new)) < plan.HEARD_HONEST
    channel = np.where(honest, table["acquisition_channel"].to_numpy(object)[new], "referral")
    joined = truth["joined"].to_numpy()[new] + 0.1
    parts.append(_answers(ids[new], joined, "heard_from", "How did you hear of us?", text=channel))
    parts.extend(_brands(chance, ids, truth, calendar))
    answers = pd.concat(parts, ignore_index=True)
    answers.insert(0, "response_id", [f"R{block.number:03d}{n:07d}" for n in range(len(answers))])
    answers["responded_at"] = calendar.stamp(answers.pop("at").to_numpy())
    return answers.loc[answers["responded_at"] < calendar.first + pd.Timedelta(days=calendar.days)]


def _answers(
    ids: np.ndarray,
    at: np.ndarray,
    instrument: str,
    question: str,
    *,
    score: object = np.nan,
    low: float = np.nan,
    high: float = np.nan,
    text: object = None,
    brand: object = None,
    driver: str | None = None,
) -> pd.DataFrame:
    return pd.DataFrame(
        {"respondent_id": ids, "customer_id": ids, "at": at, "instrument": instrument, "question": question,
         "brand": brand, "driver": driver, "equity_type": _EQUITY.get(driver or ""), "score": score,
         "scale_min": low, "scale_max": high, "text": text, "weight": 1.0, "ticket_id": None}
    )  # fmt: skip


_EQUITY = {"quality": "value", "price": "value", "service": "relationship"}


def _brands(
    chance: np.random.Generator, ids: np.ndarray, truth: pd.DataFrame, calendar: Calendar
) -> list[pd.DataFrame]:
    """Ratings of each brand, the brand bought last and next (a logit of both), share of wallet."""
    asked = np.flatnonzero(truth["bought"].to_numpy() & (chance.random(len(truth)) < 0.06))
    at, who = np.full(len(asked), calendar.days - 20.0), ids[asked]
    size = (len(asked), len(plan.BRANDS))
    utility, parts = np.zeros(size), []
    for driver, weight in plan.BRAND_DRIVERS.items():
        liking = np.clip(np.round(chance.normal(3.3, 1.0, size)), 1, 5)
        utility += weight * liking
        for number, brand in enumerate(plan.BRANDS):
            parts.append(
                _answers(who, at, "equity_driver", f"Rate the {driver} of {brand}", score=liking[:, number],
                         low=1, high=5, brand=brand, driver=driver)
            )  # fmt: skip
    last = chance.choice(len(plan.BRANDS), len(asked), p=(0.6, 0.25, 0.15))
    utility[np.arange(len(asked)), last] += plan.BRAND_LAST
    chosen = (utility + chance.gumbel(size=size)).argmax(axis=1)
    brands = np.array(plan.BRANDS, object)
    parts.append(_answers(who, at, "brand_choice", "last", score=1.0, brand=brands[last]))
    parts.append(_answers(who, at, "brand_choice", "next", score=1.0, brand=brands[chosen]))
    share = np.round(100 * np.clip(chance.beta(3, 2.5, len(asked)), 0.02, 1))
    parts.append(_answers(who, at, "share_of_wallet", "Of ten purchases, how many with us (%)?", score=share,
                          low=0, high=100, brand="Ours"))  # fmt: skip
    return parts
