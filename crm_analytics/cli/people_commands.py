"""Commands about single people: one customer on the screen, and tokens for a partner."""

from __future__ import annotations

from pathlib import Path

import click

from crm_analytics.cli.console import echo, now, say
from crm_analytics.errors import ParameterError

_DATA = click.option("--data", required=True, metavar="SOURCE", help="Where the customers are.")
_MAPPING = click.option("--mapping", type=click.Path(path_type=Path))
_AS_OF = click.option("--as-of", default="", metavar="DAY", help="The day to look from; the last one.")


@click.command()
@click.argument("customer_id", metavar="ID")
@_DATA
@_MAPPING
@_AS_OF
@click.option("--show-customer", is_flag=True, help="Yes, show this person on the screen.")
@click.option(
    "--models/--no-models", default=True, show_default=True, help="Ask the models of the whole base, too."
)
@click.option("--rows", default=50, show_default=True, type=click.IntRange(1, 500), help="Of the timeline.")
@click.option("--language", default="en", type=click.Choice(["en", "de"]), show_default=True)
def customer(  # noqa: PLR0917
    customer_id: str,
    data: str,
    mapping: Path | None,
    as_of: str,
    show_customer: bool,
    models: bool,
    rows: int,
    language: str,
) -> int:
    """Show one customer: a card of what is known, and what happened across all tables.

    \b
    crm customer K0000005 --data company --show-customer
    crm customer K0000005 --data company --show-customer --no-models    at once, from their rows alone

    That somebody was looked up, by whom and when, is written to .crm-audit.jsonl; not who it was.
    """  # noqa: D301
    if not show_customer:
        raise ParameterError("this shows a person on the screen: say so with --show-customer")
    from crm_analytics.reports import customer_view
    from crm_analytics.runs.publishing import audit_trail
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.project import project_folder
    from crm_analytics.tables.source_ref import public_name

    moment = now()
    base = CustomerBase.open(data, mapping=mapping, today=moment.date()).as_of(as_of)
    view = customer_view.prepare(
        base, customer_id, show_customer=True, models=models, limit=rows, language=language
    )
    audit_trail.record(project_folder(), moment, "customer", source=public_name(data))
    for section in (
        customer_view.card,
        customer_view.products,
        customer_view.last_contacts,
        customer_view.timeline,
    ):
        echo(f"{section(view)!r}\n")
    return 0


@click.command()
@_DATA
@_MAPPING
@_AS_OF
@click.option("--company", "company_id", required=True, metavar="ID", help="What the partner shall call us.")
@click.option("--name", default="", help="Our name on the partner's page.")
@click.option("--out", "target", required=True, type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option(
    "--reports", "tree", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
    help="The published reports: whom `crm forget` took out there is left out here.",
)  # fmt: skip
def tokens(  # noqa: PLR0917
    data: str, mapping: Path | None, as_of: str, company_id: str, name: str, target: Path, tree: Path
) -> int:
    """Make the file for a partner: keyed tokens of customers who may be contacted, no name and no address.

    \b
    export CRM_PARTNER_SECRET_FILE=~/secrets/alba     the secret both companies agreed on
    crm tokens --data shop.csv --company tea --out tea_for_alba.csv

    The secret comes from CRM_PARTNER_SECRET, from the file CRM_PARTNER_SECRET_FILE names, or from
    .crm-partner-secret in the project, and from nowhere else. Where the file lies is written to
    .crm-audit.jsonl, so that `crm forget` finds it.
    """  # noqa: D301
    from crm_analytics.analyses.partners import contribution, partner_secret
    from crm_analytics.analyses.partners.secret import FILE, FILE_VARIABLE, VARIABLE
    from crm_analytics.runs.publishing import partner_files, wave_memory
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.export import write_csv
    from crm_analytics.tables.project import project_folder
    from crm_analytics.tables.source_ref import public_name

    secret = partner_secret()
    if secret is None:
        raise ParameterError(
            f"no secret is agreed on: set {VARIABLE} or {FILE_VARIABLE}, or write the secret into {FILE}. "
            "Both companies need the same one; `openssl rand -hex 32` makes a good one"
        )
    root, moment = project_folder(), now()
    base = CustomerBase.open(data, mapping=mapping, today=moment.date()).as_of(as_of)
    base, _ = wave_memory.without_forgotten(base, (root / tree.expanduser()).resolve(), root)
    found = contribution(base, secret, company_id, name)
    partner_files.remember(root, moment, target.expanduser(), public_name(data), len(found))
    write_csv(found, target.expanduser())
    echo(target)
    say(
        f"{len(found):,} tokens of customers who may be contacted. The secret has the fingerprint "
        f"{secret.fingerprint}: your partner must see the same one."
    )
    return 0
