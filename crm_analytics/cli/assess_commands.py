"""The command that asks people: `crm assess`."""

from __future__ import annotations

from pathlib import Path

import click

from crm_analytics.cli.console import echo, now, say


@click.command()
@click.argument("framework", metavar="FRAMEWORK")
@click.option(
    "--write", "path", type=click.Path(path_type=Path), default=Path("assessments.csv"), show_default=True,
    metavar="FILE", help="The table of assessments, beside your other tables; rows are added.",
)  # fmt: skip
@click.option("--by", "who", default="", metavar="ROLE", help="Who answers: a role rather than a name.")
def assess(framework: str, path: Path, who: str) -> int:
    """Ask what is decided and what is done, block by block, and write the answers as a table.

    FRAMEWORK is idic, value_chain, payne_frow, gartner, qci or a TOML file of your own. An empty answer
    leaves a question open; Ctrl-C stops without writing.

    \b
    crm assess idic --write data/shop/assessments.csv
    crm report strategy --data data/shop
    """  # noqa: D301
    from crm_analytics.analyses.scorecards import framework as frameworks
    from crm_analytics.analyses.scorecards import questionnaire

    found = frameworks.read(framework)
    count = len(questionnaire.questions(found))
    say(f"{found.title}: {count} practices. Is each decided, and is it done? 0 is not at all, 5 is fully.")

    def answer(prompt: str) -> str:
        return str(click.prompt(prompt, default="", show_default=False, prompt_suffix="", err=True))

    rows = questionnaire.ask(found, answer, say, now().date(), who)
    if not rows:
        say("nothing was answered, and nothing is written")
        return 0
    total = questionnaire.write(rows, path.expanduser())
    echo(path)
    say(f"{len(rows)} answers, {total} in the file. Next: crm report strategy --data {path.parent}")
    return 0
