"""The customer lifecycle: stages, moves between them, and what a customer in each state is worth."""
