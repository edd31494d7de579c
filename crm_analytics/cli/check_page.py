"""The page of `crm check`: what is found of a source, for people who read pages and not terminals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.errors import PublishError
from crm_analytics.tables.regular_files import replace_whole

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.tables.customer_base import CustomerBase

FOLDER = "checks"  # beside the published reports


def write_page(base: CustomerBase, rejected: pd.DataFrame, source: str, page: Path | None) -> Path:
    """Write the page of a check, and say where it is.

    Parameters
    ----------
    source : as the user calls it
    page : the file; None for ``reports/checks/<name of the source>.html``

    Raises
    ------
    PublishError : it cannot be written.
    """
    from crm_analytics.reports.source_check import page as check
    from crm_analytics.reports.source_check.sections import Readiness
    from crm_analytics.runs.catalogue.readiness import listing
    from crm_analytics.runs.publishing.publish import FILE_MODE, make_folder
    from crm_analytics.tables.named_sources import find_source

    ref = find_source(source).ref
    called = ref.name if ref.path is None else ref.path.resolve().name
    reports = [
        Readiness(name=one.name, question=one.question, status=one.status, next_step=one.next_step)
        for one in listing(base, source if ref.path is not None or source.startswith("$") else called)
        if one.status
    ]
    html = check.build(base, rejected, reports)
    name = re.sub(r"[^\w.-]+", "-", Path(called).stem).strip("-.") or "source"
    target = page or Path("reports") / FOLDER / f"{name}.html"
    try:
        make_folder(target.parent)
        replace_whole(target, html.encode("utf-8"), FILE_MODE)
    except OSError as error:
        raise PublishError(f"{target} cannot be written ({error.strerror}). Give --page FILE") from None
    return target
