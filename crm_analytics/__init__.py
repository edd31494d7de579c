"""Analytical CRM on your customer tables.

`CustomerBase.open(...)` is the door; the models live in `crm_analytics.analyses`, the page in
`crm_analytics.pages`. Importing this package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

__version__ = "0.2.0"
__all__ = ["CustomerBase", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "CustomerBase":
        from crm_analytics.tables.customer_base import CustomerBase

        return CustomerBase
    raise AttributeError(f"module 'crm_analytics' has no attribute {name!r}")
