"""Social CRM: mentions, how they sound, whether they are answered, and whose word counts."""
