"""Referral CRM: who brings whom, how far it carries, what it is worth, and who refers next."""
