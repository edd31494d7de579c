"""On what terms customers may be contacted: channels, caps, the control group, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_analytics.errors import ParameterError, nearest

CHANNELS = ("email", "sms", "phone", "post")


@dataclass(frozen=True)
class Terms:
    """What holds for every list of a wave.

    Attributes
    ----------
    days : a wave reaches this far: birthdays of the next so many days, first orders of the last so many
    channels : in order of preference; a customer gets the first that has their consent
    assumed : channels taken as consented where the source has no column for that consent. Say only what your
        lawyer says; by default nobody is contacted without a recorded consent
    cap, cap_days : at most so many contacts in so many days, this one included
    holdout : share of each list that is not contacted, so that its effect can be told, 0..0.9
    salt : text that decides who that is; with the same salt it is the same customers wave after wave
    margin : share of a sale left after the cost of goods, 0..1
    contact_cost : of one contact, money
    response : orders added by a contact, 0..1; one number, or one a list. What was measured of past
        campaigns is the best guess
    where : demographic filter: a column of the customers table -> a value or several; `age` -> (from, to)
    top : at most so many on each list, the most worth first
    one_action : a customer is on one list of the wave only

    Examples
    --------
    >>> Terms(holdout=0.2, where={"region": "Bayern", "age": (30, 49)}).holdout
    0.2
    """

    days: int = 7
    channels: tuple[str, ...] = CHANNELS
    assumed: tuple[str, ...] = ()
    cap: int = 1
    cap_days: int = 30
    holdout: float = 0.1
    salt: str = "crm"
    margin: float | None = None
    contact_cost: float | None = None
    response: float | Mapping[str, float] | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    top: int | None = None
    one_action: bool = True

    def __post_init__(self) -> None:
        for name in ("channels", "assumed"):
            for one in getattr(self, name):
                if one not in CHANNELS:
                    raise ParameterError(f"{name}: unknown channel '{one}'{nearest(one, CHANNELS)}")
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise ParameterError("channels: name at least one, and none twice")
        whole = {"days": (1, 180), "cap": (1, 1000), "cap_days": (1, 3660), "top": (1, None)}
        for name, (least, most) in whole.items():
            value = getattr(self, name)
            if value is not None and (value < least or (most is not None and value > most)):
                allowed = f"{least} to {most}" if most else f"{least} or more"
                raise ParameterError(f"{name} = {value}: a whole number, {allowed}")
        shares = {"holdout": (self.holdout, 0.9), "margin": (self.margin, 1.0)}
        responses = self.response if isinstance(self.response, Mapping) else {"response": self.response}
        shares |= {name: (share, 1.0) for name, share in responses.items()}
        for name, (share, high) in shares.items():
            if share is not None and not 0 <= share <= high:
                raise ParameterError(f"{name} = {share}: a share from 0 to {high:g}")
        if self.contact_cost is not None and self.contact_cost < 0:
            raise ParameterError(f"the cost of a contact cannot be negative, got {self.contact_cost}")

    @property
    def has_money(self) -> bool:
        """Whether expected values can be told."""
        return self.margin is not None and self.contact_cost is not None and self.response is not None

    def response_of(self, name: str) -> float | None:
        """The share of a list's contacted who are expected to buy because of it."""
        return self.response.get(name) if isinstance(self.response, Mapping) else self.response
