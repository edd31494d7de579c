"""Models of repeat purchases in continuous time, with and without dropout."""
