"""`crm.toml` and the night it describes."""
