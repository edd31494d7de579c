"""The churn model on data of other people, opened as a new user would; writes docs/churn-results.md.

``python -m benchmarks.churn_results --telco FOLDER --journey FOLDER [--out docs/churn-results.md]``

FOLDER is where the data lie: IBM's telco_customer_churn.csv, a flat table without any time, and the Complete
Journey (84.51°), baskets of a grocery, opened by data/mappings/complete_journey.toml. Without a folder its
part is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from crm_analytics import CustomerBase
from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.measures import measures, subgroups
from crm_analytics.analyses.churn.survival import survival

ROOT = Path(__file__).parent.parent
MAPPING = ROOT / "data" / "mappings" / "complete_journey.toml"
LEARNERS = ("gradient boosting", "logistic")
FOLDS, SEED = 5, 1
MEASURES: tuple[tuple[str, Callable[..., measures.Measure], str], ...] = (
    ("AUC", measures.auc, ".3f"),
    ("average precision", measures.average_precision, ".3f"),
    ("Brier", measures.brier, ".4f"),
    ("top-decile lift", measures.top_decile_lift, ".2f"),
)

Cells = list[tuple[float, ...]]  # value, lower and upper of each of MEASURES


def telco(folder: Path) -> list[str]:
    """The flat table: every customer scored by a model that was fitted on four fifths of the others."""
    table = pd.read_csv(folder / "telco_customer_churn.csv")
    features, left = table.drop(columns="Churn"), (table["Churn"] == "Yes").to_numpy()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = {
        name: cross_val_predict(churn.ChurnModel(name), features, left, cv=folds, method="predict_proba")[
            :, 1
        ]
        for name in LEARNERS
    }
    scores["share by contract"] = by_group(features["Contract"], left, folds)
    scores["share of all"] = by_group(pd.Series("all", table.index), left, folds)
    model = churn.ChurnModel().fit(features, left)
    card = model.card()
    return [
        "## IBM's telco customers (a flat table)",
        "",
        f"{len(table):,} customers, {left.mean():.1%} left. The CSV as `pandas.read_csv` gives it, with the "
        f"id and all {features.shape[1] - 1} columns; {FOLDS} folds, so that every score is of a customer "
        "the model had not seen. There is no time in this table and no recency: the rule beside the models "
        "is the share who left by kind of contract.",
        "",
        *measured({name: of_scores(left, score) for name, score in scores.items()}),
        "",
        "Said of the columns: "
        + "; ".join(f"'{c}' is not used: {why}" for c, why in card.ignored.items())
        + ".",
        "",
        *times(table, left),
        *errors(left, scores["gradient boosting"], telco_groups(table), "gradient boosting"),
    ]


def by_group(group: pd.Series, left: np.ndarray, folds: StratifiedKFold) -> np.ndarray:
    """The share who left of the same group in the other folds."""
    out = np.empty(len(left))
    for fit, test in folds.split(group, left):
        share = pd.Series(left[fit]).groupby(group.to_numpy()[fit]).mean()
        out[test] = group.iloc[test].map(share).to_numpy(dtype=float)
    return out


def telco_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Gender, and whether a senior."""
    return pd.DataFrame(
        {"gender": table["gender"], "senior": np.where(table["SeniorCitizen"] == 1, "yes", "no")}
    )


def times(table: pd.DataFrame, left: np.ndarray) -> list[str]:
    """How long customers stay by kind of contract, in months."""
    lines = ["| contract | customers | left | still there after 12 months | 24 | 48 | 60 |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for name, own in table.groupby("Contract"):
        curve = survival.kaplan_meier(own["tenure"], left[own.index])
        read = survival.survival_at(curve, [12, 24, 48, 60])
        cells = [f"{r['survival']:.0%} ({r['lower']:.0%}–{r['upper']:.0%})" for r in read.to_dict("records")]
        lines.append(f"| {name} | {len(own):,} | {left[own.index].sum():,} | " + " | ".join(cells) + " |")
    frame = table[["Contract", "InternetService", "SeniorCitizen", "Partner"]].assign(
        duration=table["tenure"], event=left
    )
    found = survival.cox(frame)
    lines += ["", "| Cox's regression | hazard ratio (95 %) |", "|---|---:|"]
    for row in found.table.to_dict("records"):
        lines.append(
            f"| {row['feature']} | {row['hazard_ratio']:.2f} ({row['lower']:.2f}–{row['upper']:.2f}) |"
        )
    return [*lines, "", found.words, ""]


def journey(folder: Path) -> list[str]:
    """The grocery: as `churn.train` learns, judges and grades, of the households still there."""
    base = CustomerBase.open(folder, mapping=MAPPING, today="2018-01-02")
    trained = churn.train(base, count=4)
    held, why = trained.held_out, trained.definition
    last = trained.evidence[trained.evidence["until"] == held.until].to_dict("records")
    found = {row["method"]: of_row(row) for row in last}
    found["share of all, were it known"] = of_scores(held.left, np.full(len(held.left), held.left.mean()))
    days = ", ".join(f"{w.day}" for w in trained.windows[:-1])
    return [
        "## The Complete Journey (baskets of a grocery)",
        "",
        f"{base.counts['rows']:,} lines of {base.counts['customers']:,} households, {base.first_day} to "
        f"{base.day}. `churn.definition` suggests {trained.window} days: {why.why if why else 'given'}. Of "
        f"interest is who was still there, with a purchase in the {trained.window} days before. Learnt from "
        f"{len(trained.windows) - 1} windows (features up to {days}), held against the {trained.window} days "
        f"after {held.day}: {len(held.left):,} households, {held.left.mean():.1%} did not buy.",
        "",
        *measured(found),
        "",
        f"Grade of the {trained.method} model, which did best on the window before: {trained.grade.words}."
        if trained.grade
        else f"No model: {'; '.join(trained.unmet)}.",
        "",
        "This is a sample of the lines, so that a household without a line may well have been in the shop: "
        "no model can know that.",
        "",
        *next_purchase(base),
        *errors(held.left, held.score, ages(folder, still_there(base, trained)), trained.method),
    ]


def still_there(base: CustomerBase, trained: churn.Churn) -> pd.Series:
    """Who was held against the last window, in the order of its rows."""
    past = base.as_of(trained.held_out.day)
    table = churn.features(past)
    table = table.filter(table.recency_days < trained.window).order_by("customer_id")
    return past.collect(table.select("customer_id"))["customer_id"]


def ages(folder: Path, customers: pd.Series) -> pd.DataFrame:
    """Age bands of the households that gave them; they are no field of the contract, so read here."""
    people = pd.read_csv(folder / "demographics.csv", dtype={"household_id": str}).set_index("household_id")
    return pd.DataFrame({"age": people["age"].reindex(customers).fillna("not given").to_numpy()})


def next_purchase(base: CustomerBase) -> list[str]:
    """How long until the next purchase."""
    found = survival.until_next_purchase(base)
    return ["How long until the next purchase:", "", *[f"- {sentence}" for sentence in found.words], ""]


def errors(left: np.ndarray, score: np.ndarray, groups: pd.DataFrame, method: str) -> list[str]:
    """Whether the model errs more for some."""
    found = subgroups.subgroups(left, score, groups)
    lines = ["| group | n | left | predicted | left − predicted | AUC |", "|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row['attribute']}: {row['group']} | {row['n']:,} | {row['left_share']:.1%} | "
        f"{row['predicted']:.1%} | {row['calibration_error']:+.1%} "
        f"({row['lower']:+.1%} to {row['upper']:+.1%}) | "
        f"{row['auc']:.3f} ({row['auc_lower']:.3f}–{row['auc_upper']:.3f}) |"
        for row in found.table.to_dict("records")
    ]
    return [f"Does the {method} model err more for some?", "", *lines, "", found.words, ""]


def of_scores(left: np.ndarray, score: np.ndarray) -> Cells:
    """Each measure with its 95 % interval."""
    return [tuple(measure(left, score)) for _, measure, _ in MEASURES]


def of_row(row: dict[Any, Any]) -> Cells:
    """The same, from a row of a model's evidence."""
    names = [measure.__name__ for _, measure, _ in MEASURES]
    return [(row[name], row[f"{name}_lower"], row[f"{name}_upper"]) for name in names]


def measured(found: dict[str, Cells]) -> list[str]:
    """One line per method, the best ranking first."""
    lines = ["| method | " + " | ".join(name for name, _, _ in MEASURES) + " |"]
    lines.append("|---|" + "---:|" * len(MEASURES))
    for method, cells in sorted(found.items(), key=lambda item: -item[1][0][0]):
        said = [
            f"{value:{form}} ({lower:{form}}–{upper:{form}})"
            for (value, lower, upper), (_, _, form) in zip(cells, MEASURES, strict=True)
        ]
        lines.append(f"| {method} | " + " | ".join(said) + " |")
    return lines


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--telco", type=Path, help="folder with telco_customer_churn.csv")
    parser.add_argument("--journey", type=Path, help="folder of the Complete Journey")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "churn-results.md")
    given = parser.parse_args()
    lines = [
        "# The churn model on data of other people",
        "",
        "Made by `python -m benchmarks.churn_results --telco FOLDER --journey FOLDER`; no number is typed by "
        "hand. Intervals are 95 %; methods are measured on the same customers, none of whom a model had seen "
        "with the answer.",
        "",
    ]
    for part, folder in ((telco, given.telco), (journey, given.journey)):
        if folder:
            lines += part(folder)
    given.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
