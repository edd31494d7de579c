"""Models of spend per purchase."""
