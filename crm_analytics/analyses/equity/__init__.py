"""Customer equity: what brands and their drivers are worth, what one firm's customers are, and one budget.

`survey.of_base` and `CustomerEquity.fit` follow Rust, Lemon & Zeithaml where people were asked about brands;
`valuation.firm_equity` values present and future customers where nobody was; `acquisition_balance.balance`
sets winning against keeping; `budget.plan` spends a quarter's money by measured effects.
"""

from crm_analytics.analyses.equity.acquisition_balance import Balance, balance, constant_retention_value
from crm_analytics.analyses.equity.brand_equity import CustomerEquity
from crm_analytics.analyses.equity.budget import Lever, Plan, plan
from crm_analytics.analyses.equity.choice_model import ChoiceModel
from crm_analytics.analyses.equity.choice_panel import ChoicePanel, price_premiums
from crm_analytics.analyses.equity.firm_equity import FirmEquity
from crm_analytics.analyses.equity.survey import BrandSurvey
from crm_analytics.analyses.equity.valuation import by_group, firm_equity
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Balance",
    "BrandSurvey",
    "ChoiceModel",
    "ChoicePanel",
    "CustomerEquity",
    "FirmEquity",
    "Lever",
    "Plan",
    "balance",
    "by_group",
    "constant_retention_value",
    "firm_equity",
    "plan",
    "price_premiums",
]

know_names(globals())
