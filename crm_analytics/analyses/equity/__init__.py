"""Customer equity: what brands and their drivers are worth, what one firm's customers are, and one budget.

`survey.of_base` and `CustomerEquity.fit` follow Rust, Lemon & Zeithaml where people were asked about brands;
`valuation.firm_equity` values present and future customers where nobody was; `acquisition_balance.balance`
sets winning against keeping; `budget.plan` spends a quarter's money by measured effects.
"""
