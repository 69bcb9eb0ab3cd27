"""Descents against quadratic functions, scikit-learn, and MNIST itself."""

import numpy as np
import pytest
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


def test_a_damaged_file_is_named(tmp_path):
    place = Place("divided by 255", 0.1, 0.5, 1)
    path = file_of(tmp_path, "quick", place)
    path.parent.mkdir()
    path.write_bytes(b"half of a file")
    with pytest.raises(BadInputError, match=r"mnist-divided-by-255-0.1-50.*delete it"):
        load(tmp_path, "quick", place)
