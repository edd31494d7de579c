"""Models of contract renewals in discrete time."""
