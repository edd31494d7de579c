"""How good a churn model is: ranking, calibration, grades, profit, subgroups."""
