"""The look of a folder of reports: of the `crm.toml` that publishes there, else of its project's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from crm_analytics.errors import CrmError
from crm_analytics.runs.look import Look, read_config
from crm_analytics.runs.publishing import published_tree, schedule_state
from crm_analytics.tables.named_sources import CONFIG


def of_tree(out: Path) -> Look:
    """The first look that is not the usual one; what cannot be used is said where a report is made."""
    configs = [config for state in schedule_state.states(out) if (config := state.path(out)) is not None]
    project = published_tree.publisher(out)
    configs += [project / CONFIG] if project is not None else []
    for config in dict.fromkeys(configs):
        with suppress(CrmError):
            found = read_config(config) if config.is_file() else Look()
            if found != Look():
                return found
    return Look()
