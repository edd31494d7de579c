"""`python -m crm_analytics.cli`: the same as `crm`."""

from crm_analytics.cli import main

main()
