"""Self-assessments by the frameworks of the field: what is intended, and what is done."""

from __future__ import annotations

import numpy as np
import pandas as pd

BLOCKS = {
    "QCI": ("analysis and planning", "the proposition", "people and organisation", "information and "
    "technology",
            "process management", "managing the customer", "measuring the effect", "customer experience"),
    "Gartner": ("vision", "strategy", "customer experience", "collaboration", "processes", "information",
                "technology", "metrics"),
    "Payne": ("strategy development", "value creation", "multichannel integration", "information management",
              "performance assessment"),
    "Buttle": ("customer portfolio analysis", "customer intimacy", "network development",
               "value proposition development", "managing the lifecycle"),
    "IDIC": ("identify", "differentiate", "interact", "customise"),
}  # fmt: skip
_PRACTICES = ("it is written down", "somebody owns it", "it is measured")


def make_assessments(chance: np.random.Generator, last_day: pd.Timestamp) -> pd.DataFrame:
    """Two assessments, half a year apart; the later one a little better (scores 0 to 5)."""
    rows = []
    for framework, blocks in BLOCKS.items():
        for block in blocks:
            level = chance.uniform(1.0, 3.5)
            for practice in _PRACTICES:
                aim = min(5.0, round(level + chance.uniform(0.5, 1.5), 1))
                for months, better in ((8, 0.0), (2, 0.3)):
                    done = float(np.clip(round(level + better + chance.normal(0, 0.3), 1), 0, 5))
                    rows.append((framework, block, practice, aim, done, months))
    table = pd.DataFrame(
        rows, columns=["framework", "block", "practice", "intention_score", "reality_score", "months"]
    )
    table["question"] = "In " + table["block"] + ": " + table["practice"]
    table["weight"] = 1.0
    table["evidence"] = pd.Series("seen", table.index).where(table["reality_score"] >= 3)
    table["assessed_at"] = [last_day - pd.DateOffset(months=m) for m in table.pop("months")]
    table["assessor"] = "internal"
    table.insert(0, "assessment_id", [f"Q{n:04d}" for n in range(len(table))])
    return table
