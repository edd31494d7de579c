"""What is known of a customer on a day, and what happened after it."""
