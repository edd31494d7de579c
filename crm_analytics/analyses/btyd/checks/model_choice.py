"""Which model to take after a comparison, and the words for it."""

from __future__ import annotations

import pandas as pd

CLEAR = 1.96  # |z| from which a difference is more than chance
RULE = (
    "Of the models whose fit converged, those whose interval holds the total that came; of these the one "
    "with the best log score of the customers' counts. If no interval holds it, the best log score decides."
)


def winner_of(holdout: pd.DataFrame, in_sample: pd.DataFrame) -> str:
    """Label of the chosen model; arguments as in `Comparison`."""
    models = holdout[~holdout["naive"]]
    rested = models[models["model"].isin(in_sample.loc[in_sample["converged"], "model"])]
    field = rested if len(rested) else models
    covering = field[field["covered"].astype(bool)]
    field = covering if len(covering) else field
    return str(field.sort_values(["log_score", "model"], ascending=[False, True])["model"].iloc[0])


def words_of(in_sample: pd.DataFrame, holdout: pd.DataFrame, winner: str, actual: int) -> list[str]:
    """What a reader should know of the choice, one sentence each."""
    models = holdout[~holdout["naive"]].set_index("model")
    best, won = in_sample.iloc[0], models.loc[winner]
    said = []
    reach = f"{won['lower']:,.0f} to {won['upper']:,.0f}"
    if best["model"] != winner:
        lost = models.loc[best["model"]]
        gap = in_sample.set_index("model").loc[winner, "log_likelihood"] - best["log_likelihood"]
        said.append(
            f"In-sample and out-of-sample disagree: {best['model']} fits the past best, {winner} "
            f"(log-likelihood {gap:+.1f}) is chosen by what came after it: {actual:,} purchases, of which it "
            f"forecast {won['forecast']:,.0f} ({reach}) and {best['model']} {lost['forecast']:,.0f} "
            f"({lost['lower']:,.0f} to {lost['upper']:,.0f})."
        )
    else:
        said.append(f"{winner} fits the past best and is chosen by what came after it, too.")
    if not models["covered"].astype(bool).any():
        said.append(
            f"No model's interval holds the {actual:,} purchases that came: read all of them as too narrow."
        )
    sharper = str(models["log_score"].idxmax())
    if sharper != winner:
        z = float(models["log_score_z"].to_dict()[winner])
        clear = "clearly" if abs(z) >= CLEAR else "but not by more than chance"
        said.append(f"Customer by customer {sharper} foresaw the counts better, {clear} (z {z:.1f}).")
    naive = holdout[holdout["naive"] & (holdout["mean_absolute_error"] < won["mean_absolute_error"])]
    if len(naive):
        simple = " and ".join(f"'{name}'" for name in naive["model"])
        verb = "errs" if len(naive) == 1 else "err"
        said.append(f"{simple} {verb} less a customer than {winner}: here the model does not earn its keep.")
    near = in_sample.loc[in_sample["vuong_z"].abs() < CLEAR, "model"].tolist()
    if near:
        ahead = " or ".join(near)
        said.append(f"In the past {best['model']} is not clearly better than {ahead} (Vuong's test).")
    stuck = in_sample.loc[~in_sample["converged"], "model"].tolist()
    if len(stuck) == len(in_sample):
        said.append("No fit converged: read all of them with care.")
    elif stuck:
        said.append(f"Not considered, because the fit did not converge: {', '.join(stuck)}.")
    return said
