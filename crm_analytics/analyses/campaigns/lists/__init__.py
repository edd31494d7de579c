"""Contact lists: rules, policy, suppression, export."""
