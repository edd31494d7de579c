"""What is true: the tables, their contract, and the day."""
