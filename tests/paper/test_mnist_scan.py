"""Descents against quadratic functions, scikit-learn, and MNIST itself."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from lossatlas.errors import BadInputError
from lossatlas.paper import mnist_scan
from lossatlas.paper.mnist_scan import (
    GRIDS,
    PIXELS,
    TOLERANCES,
    Place,
    compute,
    descent,
    file_of,
    load,
    place_cell,
)


def valley(w):
    """A quadratic function with curvatures from 1 to 1000."""
    curvatures = np.geomspace(1, 1000, len(w))
    return 0.5 * float(curvatures @ (w * w)), curvatures * w


def rms(w):
    return float(np.sqrt(np.mean(valley(w)[1] ** 2)))


def test_points_of_a_descent_meet_their_tolerances_in_order():
    start = np.random.default_rng(0).normal(size=40)
    tolerances = np.array([10.0, 1.0, 0.1, 1e-3, 1e-5])
    points = descent(valley, start, tolerances, 500)
    assert len(points) == len(tolerances)
    assert all(rms(p.w) <= limit for p, limit in zip(points, tolerances, strict=True))
    assert [p.loss for p in points] == sorted((p.loss for p in points), reverse=True)
    assert [p.loss for p in points] == pytest.approx([valley(p.w)[0] for p in points])
    assert [p.evaluations for p in points] == sorted(p.evaluations for p in points)


def test_a_coarser_list_of_tolerances_gives_the_same_points():
    start, fine = np.ones(40), np.array([1.0, 0.3, 0.1, 0.01])
    every = descent(valley, start, fine, 500)
    some = descent(valley, start, fine[::2], 500)
    for point, same in zip(every[::2], some, strict=True):
        assert (point.w == same.w).all()


def test_a_descent_stops_by_itself_or_by_its_evaluations():
    start = np.ones(40)
    assert [p.evaluations for p in descent(valley, start, np.array([1e9]), 500)] == [1]
    assert len(descent(valley, start, np.array([100.0, 1e-12]), 6)) == 1


def test_auc_are_those_of_scikit_learn():
    random = np.random.default_rng(3)
    labels = random.integers(4, size=300)
    shares = random.dirichlet(np.ones(4), size=300)
    found = mnist_scan._class_auc(shares, labels, 4)
    one_hot = np.eye(4)[labels]
    single = [roc_auc_score(one_hot[:, k], shares[:, k]) for k in range(4)]
    micro = roc_auc_score(one_hot, shares, average="micro")
    assert found == pytest.approx([*single, micro], abs=1e-12)
    assert np.isnan(mnist_scan._class_auc(shares[:0], labels[:0], 4)).all()


class Constant:
    """A landscape whose outputs do not depend on the weights."""

    def logits(self, weights, inputs):
        return inputs[None]


def test_each_part_has_its_own_items_and_labels():
    """The incorrect part has the items whose labels were changed, with the labels as given."""
    random = np.random.default_rng(4)
    arrays = {
        "train_inputs": random.normal(size=(200, 3)),
        "train_labels": random.integers(3, size=200),
        "train_changed": random.random(200) < 0.3,
        "test_inputs": random.normal(size=(300, 3)),
        "test_labels": random.integers(3, size=300),
    }
    found = mnist_scan._auc(Constant(), arrays, np.zeros(2))
    changed = arrays["train_changed"]
    parts = {"train": slice(None), "incorrect": changed, "correct": ~changed}
    for part, auc in zip(mnist_scan.PARTS, found, strict=True):
        group = "test" if part == "test" else "train"
        rows = parts.get(part, slice(None))
        labels = arrays[f"{group}_labels"][rows]
        shares = softmax(arrays[f"{group}_inputs"][rows], axis=1)
        single = [roc_auc_score(labels == k, shares[:, k]) for k in range(3)]
        assert auc[:3] == pytest.approx(single, abs=1e-12)


def test_every_place_is_another_cell_with_the_scaling_that_it_names():
    places = [Place(pixels, l2, 0.5, 1) for pixels in PIXELS for l2 in (0.1, 0.007)]
    cells = [place_cell("paper", place) for place in places]
    assert len({cell.key for cell in cells}) == len(places)
    for place, cell in zip(places, cells, strict=True):
        data = cell.study["data"]
        assert (data["pixels"], data["scaling"]) == PIXELS[place.pixels]
        assert cell.study["loss"]["l2"] == place.l2


def test_descents_on_mnist_are_stored_and_read_again(tmp_path, shared, monkeypatch):
    monkeypatch.setenv("LOSSATLAS_MNIST", str(shared / "mnist"))
    place = Place("divided by 255", 0.1, 0.5, 1)
    assert load(tmp_path, "quick", place) is None
    made = compute(tmp_path, "quick", place)
    found = load(tmp_path, "quick", place)
    assert found is not None
    assert found.auc == pytest.approx(made.auc, abs=1e-6, nan_ok=True)
    assert found.loss.shape == (GRIDS["quick"].starts, len(TOLERANCES))
    reached = np.isfinite(found.loss)
    assert reached[:, 0].all()
    assert (np.diff(found.loss, axis=1)[reached[:, 1:]] <= 0).all()
    assert ((found.evaluations > 0) == reached).all()
    assert np.isfinite(found.auc[:, 0, 0, :-1]).any()
    assert found.loss[0, 0] != found.loss[1, 0]
    assert found.evaluations.dtype == int
    monkeypatch.setattr(mnist_scan, "descent", None)  # what is stored is not made again
    assert compute(tmp_path, "quick", place).loss.tolist() == found.loss.tolist()


def in_the_middle(content: bytes) -> bytes:
    """Half of the file is overwritten, as by a disk that fails."""
    return content[: len(content) // 4] + b"\0" * (len(content) // 2) + content[-300:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"half of a file",
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        in_the_middle,
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage):
    place = Place("divided by 255", 0.1, 0.5, 1)
    path = file_of(tmp_path, "quick", place)
    path.parent.mkdir()
    starts, tolerances = GRIDS["quick"].starts, len(TOLERANCES)
    auc = np.random.default_rng(0).random((starts, tolerances, 4, 11))
    loss = np.ones((starts, tolerances))
    np.savez_compressed(path, auc=auc, loss=loss, evaluations=loss.astype(int))
    assert load(tmp_path, "quick", place) is not None
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInputError, match=r"mnist-divided-by-255-0.1-50.*delete it"):
        load(tmp_path, "quick", place)


def test_files_with_other_shapes_or_names_are_refused(tmp_path):
    place = Place("divided by 255", 0.1, 0.5, 1)
    path = file_of(tmp_path, "quick", place)
    path.parent.mkdir()
    np.savez(path, auc=np.ones((7, 3, 4, 11)), loss=np.ones((7, 3)), evaluations=np.ones((7, 3)))
    with pytest.raises(BadInputError, match="7 descents at 3 tolerances"):
        load(tmp_path, "quick", place)
    np.savez(path, auc=np.ones((7, 3, 4, 11)))
    with pytest.raises(BadInputError, match="cannot be read"):
        load(tmp_path, "quick", place)
    path.with_suffix("").write_bytes(b"")
    np.save(path.with_suffix(".npy"), np.ones(3))
    path.with_suffix(".npy").rename(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        load(tmp_path, "quick", place)


def test_the_command_scans_and_fresh_draws_before_that_fail_alone(
    run, tmp_path, shared, monkeypatch
):
    monkeypatch.setenv("LOSSATLAS_MNIST", str(shared / "mnist"))
    small = GRIDS["quick"]._replace(l2=(0.1,), errors=(0.5,), evaluations=30)
    monkeypatch.setitem(GRIDS, "quick", small)
    wanted = ("reproduce", "mnist-scan", "persistence", "-o", tmp_path, "--no-explore")
    assert run(*wanted).exit_code == 0
    fresh = run("reproduce", "mnist-scan", "--first-draw", 11, "-o", tmp_path)
    assert fresh.exit_code == 1
    assert "0 of 1 pairs" in fresh.output
    assert "No setting was computed yet." in (tmp_path / "mnist-scan.md").read_text()
    first = run("reproduce", "mnist-scan", "-o", tmp_path)
    assert first.exit_code == 0, first.output
    assert "[1/1] descents on mnist-divided-by-255-0.1-50-draw1" in first.output
    assert "draw 1, by which it was chosen" in (tmp_path / "mnist-scan.md").read_text()
    fresh = run("reproduce", "mnist-scan", "--first-draw", 11, "--draws", 2, "-o", tmp_path)
    assert fresh.exit_code == 0, fresh.output
    assert "draws 11, 12, which took no part" in (tmp_path / "mnist-scan.md").read_text()
    again = run("reproduce", "mnist-scan", "-o", tmp_path)
    assert "descents on" not in again.output


def test_without_mnist_the_scan_fails_once_and_says_why(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LOSSATLAS_MNIST", str(tmp_path / "nowhere"))
    ran = run("reproduce", "mnist-scan", "-o", tmp_path)
    assert ran.exit_code == 1
    assert ran.output.count("FAILED  mnist-scan") == 2  # when it happened, and in the end
    assert "nowhere" in ran.output
    monkeypatch.delenv("LOSSATLAS_MNIST")
    ran = run("reproduce", "mnist-scan", "table-3", "-o", tmp_path)
    assert ran.exit_code == 0
    assert ran.output.count("MNIST skipped") == 1
