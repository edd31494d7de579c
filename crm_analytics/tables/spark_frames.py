"""Spark sessions and DataFrames, known by their shape: the package never imports pyspark."""

from __future__ import annotations

import itertools
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from crm_analytics.errors import DataError

_numbers = itertools.count()


def is_session(source: Any) -> bool:
    """Whether it is a SparkSession, classic or Connect (Databricks, EMR)."""
    return _of_spark(source) and hasattr(source, "catalog") and hasattr(source, "createDataFrame")


def is_frame(source: Any) -> bool:
    """Whether it is a Spark DataFrame."""
    return _of_spark(source) and hasattr(source, "createOrReplaceTempView")


def connect(session: Any) -> BaseBackend:
    """The session as an Ibis connection; its rows stay where they are.

    Raises
    ------
    DataError : the extra `spark` is not installed.
    """
    try:
        return ibis.pyspark.connect(session)
    except (ImportError, ModuleNotFoundError):
        raise DataError(
            'Spark needs a library that is not installed: pip install "crm-analytics[spark]"'
        ) from None


def as_table(frame: Any, connection: BaseBackend) -> ir.Table:
    """A Spark DataFrame as an Ibis table of `connection`, by a temporary view."""
    name = f"crm_frame_{next(_numbers)}"
    frame.createOrReplaceTempView(name)
    return connection.table(name)


def _of_spark(source: Any) -> bool:
    return any(kind.__module__.startswith("pyspark.sql") for kind in type(source).__mro__)
