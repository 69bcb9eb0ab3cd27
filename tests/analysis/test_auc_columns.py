"""AUC columns against scikit-learn, on made-up minima."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lossatlas.analysis.auc import threshold_auc
from lossatlas.analysis.auc_columns import (
    PARTS,
    auc_columns,
    class_name,
    compute_auc,
    left_out_of_macro_auc,
    undefined_auc,
)
from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.errors import BadInputError, Status
from lossatlas.landscape import NetworkLandscape
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint

N_MINIMA = 7


def made_up(landscape: NetworkLandscape, weights: np.ndarray, energy: float) -> StationaryPoint:
    spectrum = np.array([1e-3, 1e-2, 1e-1, 1.0])
    invariants = landscape.invariants(weights)
    return StationaryPoint(weights, energy, 1e-15, 0, spectrum, 0.0, 1e-12, invariants, 1)


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    return {
        "train_inputs": random.normal(size=(60, 2)),
        "train_labels": np.arange(60) % 3,
        "test_inputs": random.normal(size=(35, 2)),
        "test_labels": np.arange(35) % 3,
    }


@pytest.fixture
def landscape(rows) -> NetworkLandscape:
    return NetworkLandscape(rows["train_inputs"], rows["train_labels"], (4,), 1e-2)


@pytest.fixture
def atlas(tmp_path: Path, landscape: NetworkLandscape, rows):
    with Atlas.create(tmp_path / "a.atlas", Problem(landscape.fingerprint(), {}, rows)) as atlas:
        add_minima(atlas, landscape, N_MINIMA)
        yield atlas


def add_minima(atlas: Atlas, landscape: NetworkLandscape, count: int) -> None:
    random = np.random.default_rng(len(atlas.minima()))
    points = [made_up(landscape, landscape.random_start(random), float(k)) for k in range(count)]
    run = atlas.start_run({}, 0, {}, "cpu")
    outcome = Outcome(Status.CONVERGED, Cost(), minima=tuple(points))
    atlas.commit(run, [Attempt("basin-hopping", (), "", outcome)], f"run {run}")


def probabilities(landscape, atlas: Atlas, inputs: np.ndarray) -> np.ndarray:
    """(minima, items, classes) by the defining formula."""
    outputs = landscape.logits(atlas.minimum_weights(atlas.minima()["id"]), inputs)
    return np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)


@pytest.mark.parametrize("positive_class", [0, 2])
def test_agrees_with_scikit_learn(atlas, landscape, rows, positive_class):
    counts = compute_auc(atlas, landscape, positive_class)
    assert set(counts.values()) == {N_MINIMA}
    for group, name in zip(("train", "test"), auc_columns(positive_class), strict=True):
        truth = rows[f"{group}_labels"] == positive_class
        scores = probabilities(landscape, atlas, rows[f"{group}_inputs"])[:, :, positive_class]
        expected = [roc_auc_score(truth, row) for row in scores]
        np.testing.assert_allclose(atlas.minima()[name], expected, rtol=1e-13)


def test_macro_agrees_with_scikit_learn(atlas, landscape, rows):
    compute_auc(atlas, landscape, "macro")
    scores = probabilities(landscape, atlas, rows["test_inputs"])
    expected = [roc_auc_score(rows["test_labels"], row, multi_class="ovr") for row in scores]
    np.testing.assert_allclose(atlas.minima()["test_auc_macro"], expected, rtol=1e-13)


def with_noise(rows: dict[str, np.ndarray], changed: np.ndarray) -> dict[str, np.ndarray]:
    """Rows whose present training labels are the noisy ones."""
    before = np.where(changed, (rows["train_labels"] + 1) % 3, rows["train_labels"])
    return {**rows, "train_clean_labels": before, "train_changed": changed}


@pytest.mark.parametrize("choice", [(0, "rank"), (2, "rank"), ("macro", "rank"), (1, "threshold")])
def test_the_incorrect_and_the_correct_part(landscape, rows, tmp_path, choice):
    changed = np.random.default_rng(8).random(60) < 0.4
    problem = Problem(landscape.fingerprint(), {}, with_noise(rows, changed))
    with Atlas.create(tmp_path / "n.atlas", problem) as atlas:
        add_minima(atlas, landscape, N_MINIMA)
        counts = compute_auc(atlas, landscape, *choice)
        names = auc_columns(*choice, ("train", "test", "incorrect", "correct"))
        assert counts == dict.fromkeys(names, N_MINIMA)
        scores = probabilities(landscape, atlas, rows["train_inputs"])
        frame = atlas.minima()
        for part, name in ((changed, names[2]), (~changed, names[3])):
            labels = rows["train_labels"][part]
            if choice[0] == "macro":
                expected = [roc_auc_score(labels, row[part], multi_class="ovr") for row in scores]
            elif choice[1] == "threshold":
                expected = threshold_auc(scores[:, part, choice[0]], labels == choice[0])
            else:
                own = scores[:, part, choice[0]]
                expected = [roc_auc_score(labels == choice[0], row) for row in own]
            np.testing.assert_allclose(frame[name], expected, rtol=1e-13)


def test_a_part_without_items_has_no_column(landscape, rows, tmp_path):
    for name, changed in (("all", np.ones(60, bool)), ("none", np.zeros(60, bool))):
        problem = Problem(landscape.fingerprint(), {}, with_noise(rows, changed))
        with Atlas.create(tmp_path / f"{name}.atlas", problem) as atlas:
            add_minima(atlas, landscape, 2)
            part = "incorrect_auc" if name == "all" else "correct_auc"
            assert list(compute_auc(atlas, landscape)) == ["train_auc", "test_auc", part]
            frame = atlas.minima()
            np.testing.assert_array_equal(frame[part], frame["train_auc"])


def test_a_part_of_one_class_has_no_auc(landscape, rows, tmp_path):
    changed = rows["train_labels"] == 1
    problem = Problem(landscape.fingerprint(), {}, with_noise(rows, changed))
    with Atlas.create(tmp_path / "one.atlas", problem) as atlas:
        add_minima(atlas, landscape, 2)
        compute_auc(atlas, landscape)
        assert atlas.minima()["incorrect_auc"].isna().all()
        assert atlas.minima()["correct_auc"].notna().all()


def test_no_column_mixes_two_measures(atlas, landscape, rows):
    compute_auc(atlas, landscape)
    exact = atlas.minima()["test_auc"].copy()
    compute_auc(atlas, landscape, 1)
    compute_auc(atlas, landscape, rule="threshold")
    frame = atlas.minima()
    np.testing.assert_array_equal(frame["test_auc"], exact)
    assert not np.allclose(frame["test_auc_class_1"], exact)
    scores = probabilities(landscape, atlas, rows["test_inputs"])[:, :, 0]
    expected = threshold_auc(scores, rows["test_labels"] == 0)
    np.testing.assert_allclose(frame["test_auc_threshold"], expected, rtol=1e-13)


def test_only_what_is_missing_is_computed(atlas, landscape):
    compute_auc(atlas, landscape)
    add_minima(atlas, landscape, 2)
    assert set(compute_auc(atlas, landscape, only_missing=True).values()) == {2}
    assert atlas.minima()["train_auc"].notna().all()
    assert set(compute_auc(atlas, landscape, only_missing=True).values()) == {0}


def test_many_items_are_taken_in_parts(atlas, landscape, monkeypatch):
    compute_auc(atlas, landscape)
    whole = atlas.minima()["train_auc"].copy()
    monkeypatch.setattr(sys.modules[compute_auc.__module__], "ROWS_AT_ONCE", 1)
    compute_auc(atlas, landscape)
    np.testing.assert_array_equal(atlas.minima()["train_auc"], whole)


def test_new_test_data_make_the_old_column_vanish(atlas, landscape, rows, tmp_path):
    compute_auc(atlas, landscape)
    other = {
        **rows,
        "test_inputs": rows["test_inputs"][:20],
        "test_labels": rows["test_labels"][:20],
    }
    problem = Problem(landscape.fingerprint(), {}, other)
    with Atlas.open_or_create(tmp_path / "a.atlas", problem) as again:
        assert "test_auc" not in again.minima()
        counts = compute_auc(again, landscape, only_missing=True)
        assert counts == {"train_auc": 0, "test_auc": N_MINIMA}


def test_one_class_only_has_no_auc(landscape, rows, tmp_path):
    rows = {**rows, "test_labels": np.ones(35, int)}
    with Atlas.create(tmp_path / "b.atlas", Problem(landscape.fingerprint(), {}, rows)) as atlas:
        add_minima(atlas, landscape, 2)
        compute_auc(atlas, landscape)
        assert atlas.minima()["test_auc"].isna().all()
        assert atlas.minima()["train_auc"].notna().all()


def lacking(rows: dict[str, np.ndarray], train: tuple = (), test: tuple = ()) -> dict:
    """The rows without those of some classes."""
    kept = {}
    for group, classes in (("train", train), ("test", test)):
        keep = ~np.isin(rows[f"{group}_labels"], classes)
        kept |= {f"{group}_{part}": rows[f"{group}_{part}"][keep] for part in ("inputs", "labels")}
    return kept


MISSING = {  # classes that the training and the test rows lack: class, undefined columns, reason
    "never trained": ((2,), (), 2, ["train", "test"], "no training item has class 2"),
    "another never trained": ((2,), (), 0, [], ""),
    "never tested": ((), (2,), 2, ["test"], "no test item has class 2"),
    "neither": ((2,), (2,), 2, ["train", "test"], "no training item has class 2"),
    "tested alone": ((), (0, 1), 2, ["test"], "every test item has class 2"),
    "macro, never trained": ((2,), (), "macro", [], ""),
    "macro, none in both": ((2,), (0, 1), "macro", ["train", "test"], "no class is both"),
}


@pytest.mark.parametrize("case", MISSING)
@pytest.mark.parametrize("rule", ["rank", "threshold"])
def test_the_auc_of_a_missing_class_is_undefined(landscape, rows, tmp_path, case, rule):
    train, test, positive_class, undefined, reason = MISSING[case]
    problem = Problem(landscape.fingerprint(), {}, lacking(rows, train, test))
    names = dict(zip(("train", "test"), auc_columns(positive_class, rule), strict=True))
    with Atlas.create(tmp_path / "m.atlas", problem) as atlas:
        add_minima(atlas, landscape, 3)
        counts = compute_auc(atlas, landscape, positive_class, rule)
        frame = atlas.minima()
        for group, name in names.items():
            assert counts[name] == (0 if group in undefined else 3)
            assert frame[name].isna().all() == (group in undefined)
            assert frame[name].notna().all() == (group not in undefined)
    reasons = undefined_auc(problem, positive_class, rule)
    assert list(reasons) == [names[group] for group in undefined]
    assert all(reason in why for why in reasons.values())


def test_the_mean_is_over_classes_that_are_trained_and_tested(landscape, rows, tmp_path):
    problem = Problem(landscape.fingerprint(), {}, lacking(rows, train=(2,)))
    assert left_out_of_macro_auc(problem) == {2: "no training item has it"}
    with Atlas.create(tmp_path / "m.atlas", problem) as atlas:
        add_minima(atlas, landscape, 3)
        compute_auc(atlas, landscape, "macro")
        scores = probabilities(landscape, atlas, rows["test_inputs"])
        expected = [
            np.mean([roc_auc_score(rows["test_labels"] == k, row[:, k]) for k in (0, 1)])
            for row in scores
        ]
        np.testing.assert_allclose(atlas.minima()["test_auc_macro"], expected, rtol=1e-13)


def test_a_mean_that_the_test_rows_restrict_vanishes_with_them(landscape, rows, tmp_path):
    restricted = Problem(landscape.fingerprint(), {}, lacking(rows, test=(2,)))
    assert left_out_of_macro_auc(restricted) == {2: "no test item has it"}
    with Atlas.create(tmp_path / "m.atlas", restricted) as atlas:
        add_minima(atlas, landscape, 3)
        compute_auc(atlas, landscape, "macro")
        over_two = atlas.minima()["train_auc_macro"].copy()
    complete = Problem(landscape.fingerprint(), {}, lacking(rows))
    with Atlas.open_or_create(tmp_path / "m.atlas", complete) as atlas:
        assert "train_auc_macro" not in atlas.minima()
        compute_auc(atlas, landscape, "macro", only_missing=True)
        assert not np.allclose(atlas.minima()["train_auc_macro"], over_two)
    assert left_out_of_macro_auc(complete) == {}
    assert undefined_auc(complete, "macro") == {}


def test_labels_before_the_noise_decide_what_was_trained(landscape, rows):
    changed = rows["train_labels"] == 2  # all that are called 2 now were 0 before
    arrays = {**rows, "train_clean_labels": np.where(changed, 0, rows["train_labels"])}
    problem = Problem(landscape.fingerprint(), {}, {**arrays, "train_changed": changed})
    assert left_out_of_macro_auc(problem) == {2: "no training item has it"}
    assert set(undefined_auc(problem, 2)) == set(auc_columns(2, groups=("train", "test", *PARTS)))
    assert undefined_auc(problem, 1) == {
        "incorrect_auc_class_1": "no incorrect training item has class 1"
    }


def test_an_undefined_column_is_not_computed_again(landscape, rows, tmp_path):
    problem = Problem(landscape.fingerprint(), {}, lacking(rows, test=(0,)))
    with Atlas.create(tmp_path / "m.atlas", problem) as atlas:
        add_minima(atlas, landscape, 3)
        assert compute_auc(atlas, landscape) == {"train_auc": 3, "test_auc": 0}
        add_minima(atlas, landscape, 1)
        counts = compute_auc(atlas, landscape, only_missing=True)
        assert counts == {"train_auc": 1, "test_auc": 0}


def test_classes_are_named_by_the_study():
    problem = Problem({}, {"classes": ["0", "setosa"]})
    assert [class_name(problem, k) for k in (0, 1, 2)] == ["0", "1 ('setosa')", "2"]


def test_what_cannot_be_computed_is_refused(atlas, landscape, tmp_path):
    with pytest.raises(BadInputError, match="3 is no class"):
        compute_auc(atlas, landscape, 3)
    with pytest.raises(BadInputError, match="unknown"):
        compute_auc(atlas, landscape, rule="best")  # type: ignore[arg-type]
    with (
        Atlas.create(tmp_path / "c.atlas", Problem(landscape.fingerprint())) as empty,
        pytest.raises(BadInputError, match="no train_inputs"),
    ):
        compute_auc(empty, landscape)
