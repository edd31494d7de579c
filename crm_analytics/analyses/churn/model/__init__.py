"""The churn estimator: encoding, learners, calibration, explanations, persistence."""
