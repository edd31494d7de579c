"""Time to leaving: Kaplan-Meier, Cox, the churn window, complaints."""
