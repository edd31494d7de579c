"""What it means: one module a question; an Ibis expression on top, a small model below."""
