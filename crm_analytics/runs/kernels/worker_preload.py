"""Imported once by the process from which the workers of a run are forked: here the imports are paid."""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import suppress

PAID = (
    "crm_analytics.tables.customer_base",
    "ibis.backends.duckdb",
    "pyarrow.parquet",
    "crm_analytics.runs.kernels.engine",
    "crm_analytics.pages.page",
    "jupyter_client.manager",
)

for _name in PAID:
    with suppress(Exception):
        importlib.import_module(_name)
with suppress(Exception):
    from crm_analytics.runs.kernels.engine import import_papermill

    import_papermill()
with suppress(Exception):  # importing duckdb opens a database in memory, with threads, which no fork survives
    sys.modules["duckdb"].default_connection().close()
gc.collect()
gc.freeze()
