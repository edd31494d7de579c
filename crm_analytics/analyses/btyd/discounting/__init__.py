"""Money at different times: discounting, periods, simulated spend."""
