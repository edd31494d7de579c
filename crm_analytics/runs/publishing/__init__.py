"""Atomic publishing: run folders, pointers, the index, erasure."""
