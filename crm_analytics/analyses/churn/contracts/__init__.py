"""Churn of customers under contract."""
