"""Under which conditions customers may be contacted: channels, caps, the control group, money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.lists.audience_filter import check_where
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
            _check_channels(name, getattr(self, name))
        if not self.channels:
            raise ParameterError("channels: name at least one")
        arguments.whole("days", self.days, 1, 180)
        arguments.whole("cap", self.cap, 1, 1000)
        arguments.whole("cap_days", self.cap_days, 1, 3660)
        if self.top is not None:
            arguments.whole("top", self.top, 1)
        arguments.share("holdout", self.holdout, 0.9)
        if self.margin is not None:
            arguments.share("margin", self.margin)
        if self.contact_cost is not None:
            arguments.amount("contact_cost", self.contact_cost)
        responses = self.response if isinstance(self.response, Mapping) else {"response": self.response}
        for name, expected in responses.items():
            if expected is not None or responses is self.response:
                arguments.share(name, expected)
        if not isinstance(self.salt, str):
            raise ParameterError(f"salt = {self.salt!r}: a text")
        if not isinstance(self.one_action, bool):
            raise ParameterError(f"one_action = {self.one_action!r}: true or false")
        check_where(self.where)

    def check_lists(self, names: Iterable[str]) -> None:
        """Whether every response is that of a list.

        Raises
        ------
        ParameterError : a name is unknown; tells the nearest.
        """
        known = set(names)
        for name in self.response if isinstance(self.response, Mapping) else ():
            if name not in known:
                near = nearest(str(name), known) or "."
                raise ParameterError(
                    f"response: unknown list '{name}'{near} Known: {', '.join(sorted(known))}"
                )

    @property
    def has_money(self) -> bool:
        """Whether expected values can be told."""
        return self.margin is not None and self.contact_cost is not None and self.response is not None

    def response_of(self, name: str) -> float | None:
        """The share of a list's contacted who are expected to buy because of it."""
        return self.response.get(name) if isinstance(self.response, Mapping) else self.response


def _check_channels(name: str, several: Any) -> None:
    if isinstance(several, str) or not isinstance(several, Iterable):
        example = several if isinstance(several, str) and several in CHANNELS else "email"
        raise ParameterError(f'{name} = {several!r}: a list of channels, such as ["{example}"]')
    for one in several:
        if one not in CHANNELS:
            raise ParameterError(f"{name}: unknown channel '{one}'{nearest(str(one), CHANNELS)}")
    if len(set(several)) < len(tuple(several)):
        raise ParameterError(f"{name}: name each once, none twice")
