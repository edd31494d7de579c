"""Same input, same bytes: another folder, hash seed, number of threads or order of rows changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics.tables.demo import write_demo
from tests.all_reports import REPORTS
from tests.determinism.same_bytes import differing, publish, publish_by_schedule

CONDITIONS = {
    "another folder and hash seed": {"PYTHONHASHSEED": "4711"},
    "one thread": {"cores": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("same")
    (root / "notebooks").mkdir()
    for report in REPORTS.values():
        shutil.copy(report.path, root / "notebooks" / report.path.name)
    write_demo("cdnow", root / "data")
    write_demo("company", root / "data", customers=700)
    for name in ("cdnow", "company"):
        shuffled(root / "data" / name, root / "shuffled" / name)
    return root


def shuffled(source: Path, target: Path) -> None:
    """The same rows of every table in another order."""
    shutil.copytree(source, target)
    chance = np.random.default_rng(5)
    for path in sorted(target.glob("*.csv")):
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, *(rows[i] for i in chance.permutation(len(rows)))]) + "\n")
    for path in sorted(target.glob("*.parquet")):
        pd.read_parquet(path).sample(frac=1, random_state=5).to_parquet(path, index=False)


needs_taskset = pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset gives a run one core")


@needs_taskset
def test_segments_are_the_same_bytes_on_one_thread_from_shuffled_rows(project: Path) -> None:
    first = publish(project, "a", "segments", "--data", "data/cdnow", PYTHONHASHSEED="1")
    again = publish(project, "b/deeper", "segments", "--data", "shuffled/cdnow", **CONDITIONS["one thread"])
    assert len(first) > 8
    assert differing(first, again) == []


@pytest.fixture(scope="module")
def runs(project: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What all reports publish of the company, plainly and under every other condition at once."""
    conditions = CONDITIONS["another folder and hash seed"] | CONDITIONS["one thread"]
    first = publish(project, "first", "--all", "--data", "data/company")
    return first, publish(project, "again/deeper", "--all", "--data", "shuffled/company", **conditions)


@needs_taskset
@pytest.mark.slow
@pytest.mark.xdist_group("bytes of the company")
@pytest.mark.parametrize("report", REPORTS)
def test_report_is_the_same_bytes_under_all_conditions(
    runs: tuple[dict[str, str], dict[str, str]], report: str
) -> None:
    first, again = ({k: v for k, v in found.items() if k.split("/")[0] == report} for found in runs)
    assert f"{report}/report.html" in first
    assert differing(first, again) == []


def test_workers_with_warm_kernels_publish_the_same_bytes_as_cold_ones(project: Path) -> None:
    names = ["segments", "audit"]
    cold = publish(project, "cold", *names, "--data", "data/cdnow", CRM_COLD="1", PYTHONHASHSEED="1")
    warm = publish_by_schedule(project, "warm", "shuffled/cdnow", names, PYTHONHASHSEED="2")
    assert {name.split("/")[0] for name in warm} == set(names)
    assert differing(cold, warm) == []


# What speaks of purchases alone: the other reports have the same engine, and no other table here.
OF_PURCHASES = ("segments", "lifetime_value", "audit", "churn")


def write_large(folder: Path, seed: int) -> Path:
    """400,000 lines, the same for any seed but for their order: enough for DuckDB to use all its threads."""
    chance = np.random.default_rng(0)
    customer = chance.integers(0, 9_000, 400_000)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(chance.integers(0, 700, 400_000), unit="D")
    spend = (chance.gamma(2.0, 30.0, 400_000) * (1 + customer % 7)).round(4)
    frame = pd.DataFrame({"customer_id": customer.astype(str), "transaction_date": days, "unit_spend": spend})
    folder.mkdir(parents=True)
    frame.sample(frac=1, random_state=seed).to_parquet(folder / "transactions.parquet", row_group_size=50_000)
    return folder


@needs_taskset
@pytest.mark.weekly
def test_large_base_is_the_same_bytes_on_any_number_of_threads(project: Path) -> None:
    made = [write_large(project / f"large{seed}" / "shop", seed) for seed in (1, 2)]
    first = publish(project, "large-first", *OF_PURCHASES, "--data", str(made[0]))
    one = publish(project, "large-one", *OF_PURCHASES, "--data", str(made[1]), **CONDITIONS["one thread"])
    assert {name.split("/")[0] for name in first} == set(OF_PURCHASES)
    assert differing(first, one) == []
