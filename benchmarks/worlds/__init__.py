"""Businesses that are no draws of a fitted model, and what forecasts of them are worth.

`business` says how a made-up business lives, `shops` names ten of them, `oracle` redraws the future from the
planted truth, `rivals` are the forecasts to beat, `scores` counts, and `python -m benchmarks.worlds` writes
`docs/forecast-worlds.md`.
"""
