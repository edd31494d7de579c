"""What customers buy, when, together, first and next."""
