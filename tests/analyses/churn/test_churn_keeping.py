"""Models kept in files."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from crm_analytics.analyses.churn.model import persistence
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.churn.model.persistence import load, save
from crm_analytics.analyses.churn.model.recency_rule import recency_rule
from crm_analytics.analyses.churn.model.serialisation import FORMAT_2, results
from crm_analytics.errors import DataError, ParameterError
from tests.analyses.churn.simulated import customers

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    frame, left, _ = customers(600)
    return ChurnModel("logistic").fit(frame, left)


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    frame, left, _ = customers(500)
    for learner in ("logistic", "gradient boosting"):
        model = ChurnModel(learner, seed=3).fit(frame, np.where(left, "Yes", "No"))
        again = load(save(model, tmp_path / "kept" / "churn.skops"))
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
        np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
        one, two = again.explain(frame), model.explain(frame)
        pd.testing.assert_frame_equal(one.frame, two.frame, check_exact=True)
        one, two = again.card(), model.card()
        pd.testing.assert_frame_equal(one.features, two.features)
        assert vars(replace(one, features=None)) == vars(replace(two, features=None))
    again.set_params(learner="logistic").fit(frame, left)  # and may be fitted anew


def test_equal_models_give_equal_files(model: ChurnModel, tmp_path: Path) -> None:
    one = save(model, tmp_path / "one.skops")
    two = save(load(one), tmp_path / "two.skops")
    assert skops.io.get_untrusted_types(file=one) == []
    said = json.loads(Path(f"{one}.json").read_text())
    assert said["sha256"] == hashlib.sha256(one.read_bytes()).hexdigest()
    assert one.read_bytes() == two.read_bytes()


def test_results_with_frames_and_dates_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "b": [0.5, np.nan],
            "c": pd.Series(["x", None], dtype="str"),
            "d": pd.to_datetime(["2026-01-01", None]),
            "e": [True, False],
            "f": [date(2026, 1, 2), None],
        },
        index=pd.Index(["p", "q"], name="who"),
    )
    kept = {"frame": frame, "day": date(2026, 1, 2), "at": datetime(2026, 1, 2, 3), "pair": (1, ("x", None))}
    kept["series"], kept["names"] = frame["b"], np.array(["u", "v"])
    again = load(save(kept, tmp_path / "kept.skops"))
    pd.testing.assert_frame_equal(again.pop("frame"), frame)
    pd.testing.assert_series_equal(again.pop("series"), frame["b"])
    np.testing.assert_array_equal(again.pop("names"), kept["names"])
    assert again == {name: kept[name] for name in ("day", "at", "pair")}
    rule = recency_rule([1, 50, 100, 200], [0, 0, 1, 1], 180)
    back = load(save(rule, tmp_path / "rule.skops"))
    np.testing.assert_array_equal(back.probability([0, 60, 999]), rule.probability([0, 60, 999]))


def test_a_file_of_format_2_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Made before the modules moved; what its models said then is kept in it."""
    old = tmp_path / "churn_format_2.skops"
    old.write_bytes(gzip.decompress((DATA / "churn_format_2.skops.gz").read_bytes()))
    shutil.copy(DATA / "churn_format_2.skops.json", tmp_path)
    kept = load(old)
    said, trained = kept["says"], kept["trained"]
    assert trained.probability(trained.held_out.frame.head(5)).tolist() == said["trained"]
    for learner in ("logistic", "boosted"):
        np.testing.assert_allclose(kept[learner].leaving(kept["few"]), said[learner], rtol=1e-12)
    assert kept["card"].features["feature"].tolist() == kept["logistic"].card().features["feature"].tolist()
    again = load(save(kept, tmp_path / "now.skops"))
    assert json.loads((tmp_path / "now.skops.json").read_text())["format"] == 3
    assert again["trained"].windows == trained.windows


def test_files_name_no_module(model: ChurnModel, tmp_path: Path) -> None:
    path = save({"model": model, "rule": recency_rule([1, 50, 100, 200], [0, 0, 1, 1], 180)}, tmp_path / "x")
    assert b"crm_analytics" not in path.read_bytes()
    assert "crm_analytics" not in Path(f"{path}.json").read_text()


def test_format_2_named_results_that_there_still_are() -> None:
    assert {name for names in FORMAT_2.values() for name in names} <= results().keys()


def test_a_changed_file_is_refused(model: ChurnModel, tmp_path: Path) -> None:
    path = save(model, tmp_path / "churn.skops")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"churn.skops has changed since it was saved: its sha256"):
        load(path)


def as_if_saved(content: bytes, path: Path, **about: object) -> Path:
    """A file with the hash it has, as somebody would write who can write both."""
    path.write_bytes(content)
    said = {"format": persistence.FORMAT, "sha256": hashlib.sha256(content).hexdigest(), **about}
    Path(f"{path}.json").write_text(json.dumps(said))
    return path


def test_untrusted_types_are_named_and_refused(tmp_path: Path) -> None:
    content = skops.io.dumps(FunctionTransformer(func=json.dumps))
    with pytest.raises(DataError, match=r"churn.skops holds types that are not trusted: json.dumps"):
        load(as_if_saved(content, tmp_path / "churn.skops"))


def test_only_results_of_this_package_are_made(tmp_path: Path) -> None:
    def written(structure: object, version: int = persistence.FORMAT) -> Path:
        content = skops.io.dumps({"structure": json.dumps(structure)})
        return as_if_saved(content, tmp_path / "churn.skops", format=version)

    for name in ("Popen", "subprocess.Popen", "save", "Path", "ChurnModel", "BetaGeo"):
        with pytest.raises(DataError, match=f"asks for {name}, which is no result of this package"):
            load(written({"is": "result", "name": name, "parts": {}}))
    old = "crm_analytics.analyses.churn"
    of_format_2 = (
        ("subprocess", "Popen"), (f"{old}.keeping", "save"), (f"{old}.keeping", "Path"),
        (f"{old}.rule.os", "RecencyRule"), ("elsewhere.rule", "RecencyRule"), (f"{old}.rule", "Tree"),
    )  # fmt: skip
    for of, name in of_format_2:
        with pytest.raises(DataError, match=f"asks for {of}.{name}, which is no result of this package"):
            load(written({"is": "result", "of": of, "name": name, "parts": {}}, version=2))
    with pytest.raises(DataError, match="something unknown: 'LogisticRegression'"):
        load(written({"is": "LogisticRegression"}))
    content = skops.io.dumps(LogisticRegression())  # trusted by skops, but nothing of ours
    with pytest.raises(DataError, match="holds a LogisticRegression, which is no model of this package"):
        load(as_if_saved(content, tmp_path / "churn.skops"))


def test_bad_files_say_what_is_wrong(model: ChurnModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no.skops.json is not beside no.skops"):
        load(tmp_path / "no.skops")
    path = save(model, tmp_path / "churn.skops")
    path.unlink()
    with pytest.raises(DataError, match=r"churn.skops: cannot be read"):
        load(path)
    Path(f"{path}.json").write_text("{")
    with pytest.raises(DataError, match=r"churn.skops.json is not JSON"):
        load(path)
    with pytest.raises(DataError, match="is not a skops file"):
        load(as_if_saved(b"nothing", path))
    with pytest.raises(DataError, match="has format 0, this version reads 2 and 3"):
        load(as_if_saved(b"nothing", path, format=0))


@dataclass(frozen=True)
class Foreign:
    """A result of somebody else."""

    a: int


def test_what_cannot_be_kept_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"dict\['a'\]\[1\] is a Foreign"):
        save({"a": [1, Foreign(2)]}, tmp_path / "x.skops")
    assert not (tmp_path / "x.skops").exists()
