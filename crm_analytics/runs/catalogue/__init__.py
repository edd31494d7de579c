"""Which reports there are, and their parameters."""
