"""Contacts: paths of touches, visits of the shop, what the channels cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block, Calendar

_NAMES = np.array([c.name for c in plan.CHANNELS], object)
_SHARES = np.array([c.touches for c in plan.CHANNELS])
_EFFECTS = np.array([c.effect for c in plan.CHANNELS])
_COSTS = np.array([c.cost for c in plan.CHANNELS])
_TOUCH = {"search": "Ad Clicked", "email": "Mail Link Clicked", "social": "Post Clicked",
          "display": "Ad Clicked", "direct": "Site Visited", "affiliate": "Partner Link Clicked"}  # fmt: skip
_EVENTS = np.array([_TOUCH[name] for name in _NAMES], object)
GAP = 2.5  # mean days between two touches
LOOKBACK = 29.0  # days: no path is longer


@dataclass(frozen=True)
class Paths:
    """Paths of touches: `path` numbers the path of each touch; `converts` has one entry a path."""

    path: np.ndarray
    channel: np.ndarray
    back: np.ndarray  # days before the path's end
    converts: np.ndarray


def draw_paths(chance: np.random.Generator, conversions: int) -> Paths:
    """Paths until so many have converted, each with 1 - (1 - base) * product of (1 - effect).

    Lengths are geometric, channels independent; a touch works however often its channel has been met.
    """
    parts, found = [], 0
    while found < conversions:
        count = int((conversions - found) * 4) + 20
        length = chance.geometric(plan.PATH_STOPS, count)
        path = np.repeat(np.arange(count), length)
        channel = chance.choice(len(_NAMES), len(path), p=_SHARES)
        left = np.ones(count)
        np.multiply.at(left, path, 1 - _EFFECTS[channel])
        converts = chance.random(count) < 1 - (1 - plan.CONVERSION_BASE) * left
        enough = np.flatnonzero(np.cumsum(converts) == conversions - found)
        last = enough[0] + 1 if len(enough) else count
        mine = path < last
        parts.append((path[mine], channel[mine], converts[:last]))
        found += int(converts[:last].sum())
    offsets = np.cumsum([0] + [len(p[2]) for p in parts])
    path = np.concatenate([p[0] + o for p, o in zip(parts, offsets, strict=False)] or [np.zeros(0, int)])
    channel = np.concatenate([p[1] for p in parts] or [np.zeros(0, int)])
    converts = np.concatenate([p[2] for p in parts] or [np.zeros(0, bool)])
    gap = chance.exponential(GAP, len(path)) + 0.05
    last = np.append(path[1:] != path[:-1], True)[: len(path)]
    gap[last] = 0.0
    back = _sum_to_end(gap, path)
    longest = np.zeros(len(converts))
    np.maximum.at(longest, path, back)
    return Paths(path, channel, back * np.minimum(1, LOOKBACK / np.maximum(longest, 1e-9))[path], converts)


def _sum_to_end(gap: np.ndarray, path: np.ndarray) -> np.ndarray:
    """For each touch the gaps from it to the end of its path."""
    total = np.cumsum(gap[::-1])[::-1]
    after = np.append(total, 0.0)[np.searchsorted(path, path, side="right")]
    return total - after


def make_events(
    block: Block, orders: pd.DataFrame, truth: pd.DataFrame, worth: np.ndarray, top: np.ndarray
) -> pd.DataFrame:
    """Touches, visits and orders as they would be tracked: who, visitor, at, event, channel, ...

    Parameters
    ----------
    orders : dressed
    worth : spend of each order
    top : first product (number) of each order
    """
    chance, calendar = block.chance, block.calendar
    who = orders["who"].to_numpy()
    seen = (who >= 0) & truth["tracked"].to_numpy()[who] & (orders["channel"] != "store").to_numpy()
    seen = np.flatnonzero(seen)
    paths = draw_paths(chance, len(seen))
    end, visitor, person = _place(block, orders, seen, paths, truth)
    squeeze = _squeeze(orders, seen, paths)
    at = end[paths.path] - paths.back * squeeze[paths.path] - 0.02
    device = np.array(["mobile", "desktop", "tablet"], object)[
        chance.choice(3, len(end), p=[0.6, 0.33, 0.07])
    ]
    touches = pd.DataFrame(
        {"path": paths.path, "at": at, "event": _EVENTS[paths.channel], "channel": _NAMES[paths.channel],
         "stage": "pre_purchase", "value": np.nan, "cost": _COSTS[paths.channel], "product": -1,
         "is_conversion": False}
    )  # fmt: skip
    order_of = np.full(len(end), -1)
    order_of[paths.converts] = seen
    visits = _visits(chance, touches, order_of, worth, top)
    both = pd.concat([touches, visits], ignore_index=True)
    both = both.loc[(both["at"] >= 0) & (both["at"] < calendar.days)]
    path = both["path"].to_numpy()
    return both.assign(visitor=visitor[path], who=person[path], device=device[path])


def _place(
    block: Block, orders: pd.DataFrame, seen: np.ndarray, paths: Paths, truth: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """End, visitor and customer of each path: an order's, or a stranger's, or a prospect's."""
    chance, calendar, count = block.chance, block.calendar, len(paths.converts)
    end = chance.uniform(1, calendar.days, count)
    end[paths.converts] = orders["at"].to_numpy()[seen]
    person = np.full(count, -1)
    person[paths.converts] = orders["who"].to_numpy()[seen]
    prospects = np.flatnonzero(~truth["bought"].to_numpy())
    nulls = np.flatnonzero(~paths.converts)
    if len(prospects):
        some = nulls[chance.random(len(nulls)) < 0.1]
        person[some] = chance.choice(prospects, len(some))
        late = truth["joined"].to_numpy()[person[some]]
        end[some] = late + (calendar.days - late) * chance.random(len(some))
    visitor = np.where(person >= 0, person, len(truth) + np.arange(count))
    return end, visitor, person


def _squeeze(orders: pd.DataFrame, seen: np.ndarray, paths: Paths) -> np.ndarray:
    """What shortens a path so that it begins after the order before: orders share no touches."""
    ordered = orders["at"].to_numpy()
    gap = np.append(np.inf, np.diff(ordered))
    same = np.append(False, np.diff(orders["who"].to_numpy()) == 0)
    gap = np.where(same, np.maximum(gap, 0.0), np.inf)
    longest = np.zeros(len(paths.converts))
    np.maximum.at(longest, paths.path, paths.back)
    room = np.full(len(longest), np.inf)
    room[paths.converts] = np.maximum(gap[seen] - 0.05, 0.001)
    return np.minimum(1, room / np.maximum(longest + 0.02, 1e-9))


def _visits(
    chance: np.random.Generator,
    touches: pd.DataFrame,
    order_of: np.ndarray,
    worth: np.ndarray,
    top: np.ndarray,
) -> pd.DataFrame:
    """What is done in the shop after the last touch of a path, minutes apart."""
    last = touches.drop_duplicates("path", keep="last")
    path, at, channel = (last[n].to_numpy() for n in ("path", "at", "channel"))
    order = order_of[path]
    buys = order >= 0
    product = np.where(buys, top[order], chance.integers(0, top.max() + 1 if len(top) else 1, len(path)))
    added = buys | (chance.random(len(path)) < 0.25)
    checkout = buys | (added & (chance.random(len(path)) < 0.4))
    reviews = buys & (chance.random(len(path)) < 0.08)
    steps = (
        ("Product Viewed", chance.random(len(path)) < np.where(added, 1.0, 0.7), 2, "pre_purchase"),
        ("Product Added", added, 6, "pre_purchase"),
        ("Checkout Started", checkout, 12, "purchase"),
        ("Order Completed", buys, 20, "purchase"),
        ("Product Reviewed", reviews, 1440 * 9, "post_purchase"),
    )
    parts = []
    for name, done, minutes, stage in steps:
        is_order = name == "Order Completed"
        parts.append(
            pd.DataFrame(
                {"path": path[done], "at": at[done] + minutes / 1440 + chance.random(done.sum()) / 1440,
                 "event": name, "channel": channel[done], "stage": stage,
                 "value": worth[order[done]] if is_order else np.nan, "cost": np.nan,
                 "product": product[done], "is_conversion": is_order}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def spend_of(events: pd.DataFrame, calendar: Calendar) -> tuple[np.ndarray, np.ndarray]:
    """Cost and number of touches: days x channels."""
    touches = events.loc[events["cost"].notna()]
    cell = calendar.day(touches["at"].to_numpy()) * len(_NAMES) + _positions(touches["channel"])
    size = calendar.days * len(_NAMES)
    number = np.bincount(cell, minlength=size).reshape(calendar.days, -1)
    return number * _COSTS, number


def _positions(channel: pd.Series) -> np.ndarray:
    place = {name: number for number, name in enumerate(_NAMES)}
    return channel.map(place).to_numpy(np.int64)


def make_spend(
    chance: np.random.Generator, cost: np.ndarray, touches: np.ndarray, calendar: Calendar
) -> pd.DataFrame:
    """The table of spend: what the touches cost, more or less, day by day."""
    noisy = np.round(cost * chance.gamma(100.0, 0.01, cost.shape), 2)
    day, channel = np.nonzero(noisy > 0)
    return pd.DataFrame(
        {
            "date_day": calendar.first + pd.to_timedelta(day, unit="D"),
            "channel": _NAMES[channel],
            "campaign_id": None,
            "spend": noisy[day, channel],
            "impressions": touches[day, channel] * chance.integers(30, 60, len(day)),
            "clicks": touches[day, channel],
        }
    )
