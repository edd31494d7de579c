"""Where notebooks run."""
