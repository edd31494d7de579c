"""What it means: one folder a question; an Ibis expression on top, a small model below; frozen results."""
