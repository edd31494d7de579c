"""How often each finding of a page was claimed of made-up companies without it; for its method section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses.error_rates import trials

if TYPE_CHECKING:
    from crm_analytics.pages.sentences import Sentences


def wrong(t: Sentences, page: str) -> dict[str, str]:
    """An entry for the method section: every kind of finding of a page that was tried."""
    kinds = [one for one in trials().values() if one.page == page and one.worlds]
    said = []
    for one in kinds:
        said.append(t("wrong.one", finding=t(f"kind.{one.kind}"), claimed=one.claimed, of=one.worlds))
        if one.there:
            said.append(t("wrong.found", found=one.found, there=one.there))
    return {t("wrong.term"): " ".join(said) or t("wrong.untried")}
