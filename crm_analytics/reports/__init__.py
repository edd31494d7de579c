"""What is said: one folder a report."""
