"""What each customer is likely to buy next: ways to score, how good they are, and the lists."""

from crm_analytics.analyses.products.next_product.evaluation import (
    score_split,
    split_by_time,
    split_last_days,
    summary,
)
from crm_analytics.analyses.products.next_product.histories import Histories, base_histories, histories
from crm_analytics.analyses.products.next_product.model import BASELINES, MODELS, NextProduct
from crm_analytics.analyses.products.next_product.offers import NextOffers, next_offers
from crm_analytics.analyses.products.next_product.tifu_knn import TifuKnn
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "BASELINES",
    "MODELS",
    "Histories",
    "NextOffers",
    "NextProduct",
    "TifuKnn",
    "base_histories",
    "histories",
    "next_offers",
    "score_split",
    "split_by_time",
    "split_last_days",
    "summary",
]

know_names(globals())
