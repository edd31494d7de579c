"""Offers, memberships and baskets."""
