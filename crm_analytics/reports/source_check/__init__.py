"""The page of `crm check`: is the data right, and what can be said from it?"""
