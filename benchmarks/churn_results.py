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

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, churn
from crm_analytics.analyses.churn import measures, subgroups, survival

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

Scores = dict[str, np.ndarray]


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
        *measured(left, scores),
        "",
        "Said of the columns: " + "; ".join(card.warnings) + ".",
        "",
        *times(table, left),
        *errors(left, scores["gradient boosting"], telco_groups(table)),
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
    """The grocery: learnt in earlier windows, held against the last one."""
    base = CustomerBase.open(folder, mapping=MAPPING, today="2018-01-02")
    found = churn.definition(base)
    *earlier, last = churn.windows(base, found.window, count=4)
    parts = [labelled(base, w.day, found.window) for w in earlier]
    fit, test = pd.concat(parts, ignore_index=True), labelled(base, last.day, found.window)
    left = test.pop("left").to_numpy()
    learnt = fit.pop("left").to_numpy()
    columns = [c for c in fit.columns if c != "customer_id"]
    scores: Scores = {}
    for name in LEARNERS:
        model = churn.ChurnModel(name).fit(fit[columns], learnt)
        scores[name] = model.predict_proba(test[columns])[:, 1]
    rule = churn.recency_rule(fit["recency_days"], learnt, found.window)
    scores[f"recency rule ({rule.words})"] = rule.probability(test["recency_days"])
    scores["1 − P(alive), BG/NBD"] = 1 - alive(base.as_of(last.day), test["customer_id"])
    scores["share of all"] = np.full(len(left), learnt.mean())
    called = rule.leaves(test["recency_days"])
    grade = churn.grade(left, scores[LEARNERS[0]], float(called[left].mean()), called=float(called.mean()))
    days = ", ".join(f"{w.day}" for w in earlier)
    return [
        "## The Complete Journey (baskets of a grocery)",
        "",
        f"{base.counts['rows']:,} lines of {base.counts['customers']:,} households, {base.first_day} to "
        f"{base.day}. `churn.definition` suggests {found.window} days: {found.why}. Learnt from {len(fit):,} "
        f"rows of {len(earlier)} windows (features up to {days}), held against the {found.window} days after "
        f"{last.day}: "
        f"{len(left):,} households, {left.mean():.1%} did not buy.",
        "",
        *measured(left, scores),
        "",
        f"Grade {grade.words}.",
        "",
        "This is a sample of the lines, so that a household without a line may well have been in the shop: "
        "no model can know that.",
        "",
        *next_purchase(base),
        *errors(left, scores[LEARNERS[0]], ages(folder, test["customer_id"])),
    ]


def labelled(base: CustomerBase, day: object, window: int) -> pd.DataFrame:
    """Features up to a day with what came after it, one row a customer."""
    past = base.as_of(day)  # type: ignore[arg-type]
    rows = past.collect(churn.features(past).order_by("customer_id"))
    came = base.collect(churn.labels(base, past.day, window))
    return rows.merge(came, on="customer_id", validate="one_to_one")


def alive(past: CustomerBase, customers: pd.Series) -> np.ndarray:
    """P(alive) of a BG/NBD of the base."""
    summary = btyd.summarize(past, unit="W")
    model = btyd.BetaGeo.fit(summary)
    rows = past.collect(summary.customers).set_index("customer_id")
    return model.probability_alive(rows).reindex(customers).to_numpy(dtype=float)


def ages(folder: Path, customers: pd.Series) -> pd.DataFrame:
    """Age bands of the households that gave them; they are no field of the contract, so read here."""
    people = pd.read_csv(folder / "demographics.csv", dtype={"household_id": str}).set_index("household_id")
    return pd.DataFrame({"age": people["age"].reindex(customers).fillna("not given").to_numpy()})


def next_purchase(base: CustomerBase) -> list[str]:
    """How long until the next purchase."""
    found = survival.until_next_purchase(base)
    return ["How long until the next purchase:", "", *[f"- {sentence}" for sentence in found.words], ""]


def errors(left: np.ndarray, score: np.ndarray, groups: pd.DataFrame) -> list[str]:
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
    return ["Does gradient boosting err more for some?", "", *lines, "", found.words, ""]


def measured(left: np.ndarray, scores: Scores) -> list[str]:
    """One line a method, each number with its 95 % interval."""
    lines = ["| method | " + " | ".join(name for name, _, _ in MEASURES) + " |"]
    lines.append("|---|" + "---:|" * len(MEASURES))
    for method, score in scores.items():
        cells = []
        for _, measure, form in MEASURES:
            value, lower, upper = measure(left, score)
            cells.append(f"{value:{form}} ({lower:{form}}–{upper:{form}})")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
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
