"""Whom to contact and why, whom not, and what came of it: campaign lists that close the loop."""
