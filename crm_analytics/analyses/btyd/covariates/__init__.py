"""Purchase models with time-invariant covariates."""
