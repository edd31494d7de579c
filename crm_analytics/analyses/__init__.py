"""What it means: one folder a question; an Ibis expression on top, a small model below; frozen results."""

from crm_analytics.analyses import former_names

former_names.know()
