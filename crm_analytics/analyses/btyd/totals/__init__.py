"""Totals of all customers with their intervals, as the models give them."""
