"""Customers: who they are, how they were won, what they want and how they will behave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block, only

_FIRST = (
    "Anna", "Lukas", "Mia", "Jonas", "Sofia", "Paweł", "Zofia", "Jürgen", "Käthe", "Élodie", "Hugo",
    "Chloé", "Marek", "Agnieszka", "Noor", "Yusuf", "Ada", "Ben", "Carla", "Dev", "Elif", "Femi",
    "Grace", "Inés", "Mateo", "Lucía", "Björn", "Astrid", "Søren", "Freja", "Giulia", "Matteo",
    "Nils", "Olga", "Pia", "Rosa", "Samir", "Tess", "Vera", "Wen", "Yara", "Zeno", "Łukasz", "Ömer",
)  # fmt: skip
_FAMILIES = (
    "Müller", "Schmidt", "Weiß", "Nowak", "Kowalska", "Wiśniewski", "Dupont", "Lefèvre", "García",
    "Muñoz", "Rossi", "Bianchi", "Jensen", "Håkansson", "Lindqvist", "Novák", "Dvořák", "Silva",
    "O'Brien", "Smith", "Jones", "Okafor", "Yılmaz", "Chen", "Haddad", "Peters", "Bauer", "Król",
    "Visser", "Jansen",
)  # fmt: skip
_PLACES = (  # city, region, postal code, country, language
    ("Berlin", "Berlin", "10115", "DE", "de"),
    ("Hamburg", "Hamburg", "20095", "DE", "de"),
    ("München", "Bayern", "80331", "DE", "de"),
    ("Köln", "Nordrhein-Westfalen", "50667", "DE", "de"),
    ("Leipzig", "Sachsen", "04109", "DE", "de"),
    ("Wien", "Wien", "1010", "AT", "de"),
    ("Graz", "Steiermark", "8010", "AT", "de"),
    ("Kraków", "Małopolska", "30-001", "PL", "pl"),
    ("Wrocław", "Dolny Śląsk", "50-001", "PL", "pl"),
    ("Lyon", "Auvergne-Rhône-Alpes", "69001", "FR", "fr"),
)
_PLACE_SHARE = (0.2, 0.12, 0.13, 0.12, 0.07, 0.1, 0.05, 0.08, 0.06, 0.07)


@dataclass(frozen=True)
class People:
    """A block of customers.

    Attributes
    ----------
    table : as in the contract
    truth : segment (number), rate and hazard a day, joined (day), bought (ever), quality of the channel,
        member (of the loyalty programme), tracked (lets clicks be seen)
    """

    table: pd.DataFrame
    truth: pd.DataFrame


def make_people(block: Block, count: int) -> People:
    """The block's customers; they join evenly over all days."""
    chance, days = block.chance, block.calendar.days
    segment = chance.choice(len(plan.SEGMENTS), count, p=[s.share for s in plan.SEGMENTS])
    traits = {
        n: np.array([getattr(s, n) for s in plan.SEGMENTS])[segment] for n in ("r", "alpha", "s", "beta")
    }
    channel, quality = _won_by(chance, count)
    joined = chance.uniform(0, days - 0.1, count)
    member = chance.random(count) < plan.LOYALTY_MEMBERS
    truth = pd.DataFrame(
        {
            "segment": segment,
            "rate": chance.gamma(traits["r"])
            / traits["alpha"]
            * quality
            * np.where(member, plan.LOYALTY_RATE, 1),
            "hazard": chance.gamma(traits["s"]) / traits["beta"],
            "joined": joined,
            "bought": chance.random(count) >= plan.NEVER_BOUGHT,
            "quality": quality,
            "member": member,
            "tracked": chance.random(count) < plan.TRACKED,
        }
    )
    return People(_table(block, truth, channel), truth)


def _won_by(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    names = [c.name for c in plan.CHANNELS] + ["referral", "shop"]
    shares = [c.acquires for c in plan.CHANNELS] + [plan.WORD_OF_MOUTH]
    shares.append(1 - sum(shares))
    quality = np.array([c.quality for c in plan.CHANNELS] + [1.3, 1.0])
    drawn = chance.choice(len(names), count, p=shares)
    return np.array(names, object)[drawn], quality[drawn]


def _table(block: Block, truth: pd.DataFrame, channel: np.ndarray) -> pd.DataFrame:
    chance, count, day = block.chance, len(truth), block.calendar.first
    business = truth["segment"].to_numpy() == 3
    number = np.arange(block.first, block.first + count)
    place = chance.choice(len(_PLACES), count, p=_PLACE_SHARE)
    spot = [np.array(column, object)[place] for column in zip(*_PLACES, strict=True)]
    name = np.array(_FIRST, object)[chance.integers(0, len(_FIRST), count)]
    family = np.array(_FAMILIES, object)[chance.integers(0, len(_FAMILIES), count)]
    born = pd.Timestamp("1940-01-01") + pd.to_timedelta(
        (365.25 * np.clip(chance.normal(40, 14, count), 0, 67)).astype(int), unit="D"
    )
    leap = chance.random(count) < 0.01
    born = born.where(~leap, pd.Timestamp("1984-02-29"))
    consent = chance.random((4, count)) < np.array([[0.72], [0.3], [0.35], [0.5]])
    unknown = chance.random((4, count)) < 0.05
    flags = [only(~u, c) for c, u in zip(consent, unknown, strict=True)]
    cost = np.array([plan.ACQUISITION_COST[c] for c in channel]) * chance.gamma(9.0, 1 / 9.0, count)
    created = day + pd.to_timedelta((truth["joined"].to_numpy() * 86_400).astype(np.int64), unit="s")
    ids = np.array([f"K{n:07d}" for n in number], object)
    household = np.array([f"H{n // 2:07d}" for n in number], object)
    gender = chance.choice(["female", "male", "diverse"], count, p=[0.52, 0.46, 0.02])
    together = chance.random(count) < 0.2
    parent = only(business & (number % 7 != 0) & (chance.random(count) < 0.3), np.roll(ids, 1))
    parent[0] = None
    return pd.DataFrame(
        {
            "customer_id": ids,
            "customer_type": np.where(business, "company", "person"),
            "parent_customer_id": parent,
            "household_id": only(together & ~business, household),
            "first_name": name,
            "last_name": family,
            "birth_date": born.where(~business & (chance.random(count) > 0.15)),
            "gender": only(~business, gender),
            "email": np.array([f"k{n}@mail.example" for n in number], object),
            "phone": np.array([f"+49 30 5550{n % 100000:05d}" for n in number], object),
            "city": spot[0],
            "region": spot[1],
            "postal_code": spot[2],
            "country": spot[3],
            "language": spot[4],
            "created_at": created.floor("s"),
            "acquisition_channel": channel,
            "acquisition_cost": np.round(cost, 2),
            "consent_email": flags[0],
            "consent_phone": flags[1],
            "consent_sms": flags[2],
            "consent_post": flags[3],
            "do_not_contact": chance.random(count) < 0.02,
            "needs_segment": np.array([s.name for s in plan.SEGMENTS], object)[truth["segment"].to_numpy()],
            "account_manager": only(business, np.array(["am-1", "am-2", "am-3"], object)[number % 3]),
        }
    )
