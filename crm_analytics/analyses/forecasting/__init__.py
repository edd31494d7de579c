"""Forecasts of what customers will do, by several ways that were tried at earlier days.

A model of single customers is one way; what customers of the same age did in the same weeks of last year is
another. Each is tried at earlier days of the base, knowing only what lay before them. The errors made there
say how the ways are weighed, by how much they are off, and how wide the interval must be.
"""
