"""What customers buy, when, together, first and next."""

from crm_analytics.analyses.products.affinity import Affinity, affinity
from crm_analytics.analyses.products.category_months import CategoryMonths, category_months, coming_peak
from crm_analytics.analyses.products.chosen_options import chosen_options
from crm_analytics.analyses.products.cross_shop import CrossShop, cross_shop
from crm_analytics.analyses.products.first_product import FirstProducts, first_products
from crm_analytics.analyses.products.habitual_day import HabitualDays, habitual_days
from crm_analytics.analyses.products.likely_buyers import LikelyBuyers, likely_buyers
from crm_analytics.analyses.products.movers import Movers, movers
from crm_analytics.analyses.products.next_product import NextOffers, NextProduct, next_offers
from crm_analytics.analyses.products.popularity import Popularity, popularity
from crm_analytics.analyses.products.quality import Quality, quality
from crm_analytics.analyses.products.sale_margins import sale_margins
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Affinity",
    "CategoryMonths",
    "CrossShop",
    "FirstProducts",
    "HabitualDays",
    "LikelyBuyers",
    "Movers",
    "NextOffers",
    "NextProduct",
    "Popularity",
    "Quality",
    "affinity",
    "category_months",
    "chosen_options",
    "coming_peak",
    "cross_shop",
    "first_products",
    "habitual_days",
    "likely_buyers",
    "movers",
    "next_offers",
    "popularity",
    "quality",
    "sale_margins",
]

know_names(globals())
