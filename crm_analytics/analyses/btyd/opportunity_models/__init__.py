"""Models of purchases at discrete opportunities."""
