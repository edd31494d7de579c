"""The invariants of the bad nights of lists find what they are there for: a broken product.

Each script is a short history that holds with the product as it is, and fails with a function of it changed.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pytest

from crm_analytics.runs.publishing.wave_folders import waves_of
from tests.faults.test_bad_nights_of_lists import PEOPLE, BadNightsOfLists

pytestmark = pytest.mark.slow
Steps = Iterator[Any]
WELL = (0, None)


def in_two_lists(shop: BadNightsOfLists) -> Steps:
    yield shop.some_are_customers(who=list(PEOPLE))
    yield shop.night(name="welcome", fault=WELL)
    for who in PEOPLE:
        yield shop.somebody_buys_or_a_row_comes_late(who=who, late=0, spend=90)
    yield shop.night(name="thank_you", fault=WELL)


def without_consent(shop: BadNightsOfLists) -> Steps:
    yield shop.some_are_customers(who=list(PEOPLE))
    for who in PEOPLE[:3]:
        yield shop.a_consent_is_given_or_withdrawn(who=who)
    yield shop.night(name="welcome", fault=WELL)


def twice_a_day(shop: BadNightsOfLists) -> Steps:
    yield shop.some_are_customers(who=list(PEOPLE))
    yield shop.night(name="welcome", fault=WELL)
    yield shop.a_row_is_told_twice()
    yield shop.night(name="welcome", fault=WELL)


def after_a_week(shop: BadNightsOfLists) -> Steps:
    yield shop.some_are_customers(who=list(PEOPLE[:3]))
    yield shop.night(name="welcome", fault=WELL)
    yield shop.the_clock_jumps(days=8)
    yield shop.somebody_buys_or_a_row_comes_late(who=PEOPLE[4], late=0, spend=10)
    yield shop.night(name="welcome", fault=WELL)


def after_forgetting(shop: BadNightsOfLists) -> Steps:
    yield from after_a_week(shop)
    yield shop.the_clock_jumps(days=1)
    yield shop.somebody_buys_or_a_row_comes_late(who=PEOPLE[5], late=0, spend=10)
    yield shop.forget(who=PEOPLE[5], fault=WELL)
    assert PEOPLE[5] in shop.forgotten
    yield shop.the_clock_jumps(days=8)
    yield shop.somebody_buys_or_a_row_comes_late(who=PEOPLE[4], late=0, spend=10)
    yield shop.night(name="welcome", fault=WELL)


def of_another_key(shop: BadNightsOfLists) -> Steps:
    yield from after_a_week(shop)
    yield shop.the_key_is_another_or_comes_back()
    yield shop.the_clock_jumps(days=8)
    yield shop.somebody_buys_or_a_row_comes_late(who=PEOPLE[5], late=0, spend=10)
    yield shop.night(name="welcome", fault=WELL)


def _prunes(real: Callable[..., Any]) -> Callable[..., Any]:
    def publish(request: Any, *given: Any) -> Any:
        made = real(request, *given)
        for wave in waves_of(request.place.folder)[:-1]:
            shutil.rmtree(wave)
        return made

    return publish


def _consenting(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: real(*given).mutate(channel=ibis.literal("email"))


MUTATIONS = {
    "earlier waves are not read": (
        in_two_lists, "crm_analytics.analyses.campaigns.issued", lambda real: lambda *given: None),
    "consents are not read": (
        without_consent, "crm_analytics.analyses.campaigns.lists.suppression.reachable", _consenting),
    "a wave is always due": (
        twice_a_day, "crm_analytics.runs.list_run._not_due", lambda real: lambda *given: ""),
    "waves are pruned": (after_a_week, "crm_analytics.runs.list_run._publish", _prunes),
    "nobody is barred": (
        after_forgetting, "crm_analytics.runs.publishing.wave_memory.barred", lambda real: lambda *given: []),
    "any key will do": (
        of_another_key, "crm_analytics.runs.publishing.published_tree.check_key",
        lambda real: lambda *given, **more: None),
}  # fmt: skip


def history(script: Callable[[BadNightsOfLists], Steps]) -> None:
    shop = BadNightsOfLists()
    try:
        for _ in script(shop):
            shop.no_wave_is_lost_or_changed()
            shop.nobody_is_contacted_twice()
    finally:
        shop.teardown()


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_product_that_is_broken_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, place, change = MUTATIONS[name]
    history(script)
    module, function = place.rsplit(".", 1)
    owner = importlib.import_module(module)
    monkeypatch.setattr(owner, function, change(getattr(owner, function)))
    with pytest.raises(AssertionError):
        history(script)
