"""Descents on landscapes of MNIST under settings that the paper does not state.

Table III depends on lambda, on the scaling of the pixels, on when a minimization stops, and on how
the AUC of ten classes become one number. The paper prints lambda, and leaves out the rest. Here
networks are minimized from random starts for many values of the first two. One descent serves all
tolerances: the AUC of every class is stored at its first points whose RMS gradient is below each of
them. What is stored is compared with Table III in `mnist_settings`.

Points in the middle of a descent are not stationary, so nothing here is a landscape or in an atlas.
The minimizer is SciPy's L-BFGS-B, whose steps are not those of the paper's programs.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from lossatlas import BadInputError
from lossatlas.paper.cell import Cell
from lossatlas.paper.exploring import study_of
from lossatlas.paper.ideal import rank_auc
from lossatlas.paper.recipes import mnist_cell
from lossatlas.paper.scales import MNIST_ERRORS, SCALES

TOLERANCES = 10.0 ** -np.arange(2.0, 5.01, 0.25)
"""(t,) RMS gradients at which a descent is looked at, in units of the loss over weight."""
PARTS = ("train", "incorrect", "correct", "test")
"""Parts of the data: training items with the labels they were given, those of them whose label was
changed or not, and testing items."""
MEMORY = 20
"""Number of pairs of L-BFGS."""
PIXELS = {
    "divided by 255": ("unit", "none"),
    "standardized": ("unit", "standard"),
    "0 to 255": ("raw", "none"),
}
"""Scalings of the pixels, as the keys ``pixels`` and ``scaling`` of a study."""


class Grid(NamedTuple):
    """What is scanned.

    Attributes:
        pixels: names of scalings in `PIXELS`.
        l2: values of lambda.
        errors: shares of wrong labels.
        starts: number of descents for each of these.
        evaluations: number of evaluations after which a descent ends.
    """

    pixels: tuple[str, ...]
    l2: tuple[float, ...]
    errors: tuple[float, ...]
    starts: int
    evaluations: int


GRIDS = {
    "paper": Grid(
        tuple(PIXELS), (0.1, 0.03, 0.01, 0.007, 0.005, 0.003, 0.001, 0.0001), MNIST_ERRORS, 5, 3000
    ),
    "quick": Grid(("divided by 255",), (0.1, 0.007), (0.0, 0.5), 2, 150),
}
"""What is scanned at each scale."""


class Place(NamedTuple):
    """One landscape of the scan.

    Attributes:
        pixels: name of the scaling of the pixels.
        l2: lambda.
        error: share of wrong labels.
        draw: number of the draw, the seed of data, labels and starts.
    """

    pixels: str
    l2: float
    error: float
    draw: int

    @property
    def name(self) -> str:
        """A description for people, as in names of files."""
        words = self.pixels.replace(" ", "-"), f"{self.l2:g}", f"{100 * self.error:g}"
        return f"mnist-{'-'.join(words)}-draw{self.draw}"


class Descents(NamedTuple):
    """Descents from s starts at t tolerances; NaN and 0 at tolerances that were not reached.

    Attributes:
        auc: (s, t, 4, C + 1) AUC on each of `PARTS` of each of C classes against all others and,
            last, of all classes together, where each item counts once with each class.
        loss: (s, t) losses.
        evaluations: (s, t) number of evaluations up to there.
    """

    auc: Float[np.ndarray, "s t p k"]
    loss: Float[np.ndarray, "s t"]
    evaluations: Int[np.ndarray, "s t"]


def place_cell(scale: str, place: Place) -> Cell:
    """The cell that has the data, the labels and the network of a place."""
    pixels, scaling = PIXELS[place.pixels]
    return mnist_cell(
        SCALES[scale],
        place.draw,
        noise=place.error,
        l2=place.l2,
        pixels=pixels,
        scaling=scaling,
    )


def file_of(folder: Path, scale: str, place: Place) -> Path:
    """The file of a place in the folder of the whole reproduction.

    Its name ends with the beginning of a hash of all that determines its content: the landscape,
    the tolerances, and how descents are made.
    """
    grid = GRIDS[scale]
    how = (grid.starts, grid.evaluations, MEMORY, [f"{t:.6g}" for t in TOLERANCES])
    text = json.dumps([place_cell(scale, place).key, *how])
    return folder / "scan" / f"{place.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.npz"


def load(folder: Path, scale: str, place: Place) -> Descents | None:
    """Read the descents of a place; None if they were not made.

    Raises:
        BadInputError: if the file cannot be read.
    """
    path = file_of(folder, scale, place)
    if not path.exists():
        return None
    damaged = (OSError, EOFError, ValueError, KeyError, TypeError)
    try:
        with path.open("rb") as stream, np.load(stream) as stored:
            found = Descents(*(stored[name] for name in Descents._fields))
        starts, tolerances, *_ = found.auc.shape
        if (starts, tolerances) != (GRIDS[scale].starts, len(TOLERANCES)):
            raise ValueError(f"{starts} descents at {tolerances} tolerances")
        return found
    except (*damaged, zipfile.BadZipFile, zlib.error) as error:
        remedy = "delete it, and it is computed again"
        raise BadInputError(str(path), f"cannot be read ({error})", remedy) from error


def compute(folder: Path, scale: str, place: Place) -> Descents:
    """Make the descents of a place, and store them, unless they are stored already.

    Raises:
        BadInputError: if the files of MNIST are missing.
        KeyboardInterrupt: after an interrupt; the descents of this place are lost.
    """
    there = load(folder, scale, place)
    if there is not None:
        return there
    from lossatlas import prepare

    grid = GRIDS[scale]
    prepared = prepare(study_of(place_cell(scale, place), folder), None)
    landscape, arrays = prepared.landscape, prepared.problem.arrays
    value_and_gradient = evaluator(landscape)
    found = Descents(
        np.full((grid.starts, len(TOLERANCES), len(PARTS), _classes(arrays) + 1), np.nan),
        np.full((grid.starts, len(TOLERANCES)), np.nan),
        np.zeros((grid.starts, len(TOLERANCES)), int),
    )
    # L-BFGS-B makes many small products of vectors; several threads only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        for number in range(grid.starts):
            start = landscape.random_start(np.random.default_rng((place.draw, number)))
            points = descent(value_and_gradient, start, TOLERANCES, grid.evaluations)
            for k, point in enumerate(points):
                found.auc[number, k] = _auc(landscape, arrays, point.w)
                found.loss[number, k] = point.loss
                found.evaluations[number, k] = point.evaluations
    _save(file_of(folder, scale, place), found)
    return found


def _save(path: Path, found: Descents) -> None:
    """Write the file under another name first, so that no half-written file is left."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.npz")
    small = found._replace(auc=found.auc.astype(np.float32))  # type: ignore[arg-type]
    np.savez_compressed(new, **small._asdict())  # type: ignore[arg-type]
    os.replace(new, path)


class Point(NamedTuple):
    """The first point of a descent that meets a tolerance.

    Attributes:
        w: (n,) weights.
        loss: its loss.
        evaluations: number of evaluations up to there.
    """

    w: Float[np.ndarray, " n"]
    loss: float
    evaluations: int


Evaluator = Callable[[np.ndarray], tuple[float, np.ndarray]]


def evaluator(landscape: Any) -> Evaluator:
    """The loss and its gradient as a compiled function of the weights (n,)."""
    from lossatlas.landscape import compiled  # loads JAX, which stored descents do not need

    evaluate = compiled(lambda surface, w: surface.value_and_gradient(w))

    def value_and_gradient(w: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = evaluate(landscape.surface, w)
        return float(loss), np.asarray(gradient)

    return value_and_gradient


def descent(
    value_and_gradient: Evaluator, start: np.ndarray, tolerances: np.ndarray, most: int
) -> list[Point]:
    """Minimize by L-BFGS, and keep the first points whose RMS gradient meets each tolerance.

    Args:
        value_and_gradient: gives the loss and its gradient (n,) at weights (n,).
        start: (n,) weights at which the descent begins.
        tolerances: (t,) RMS gradients, descending.
        most: number of evaluations after which the descent ends.

    Returns:
        The points, as many as there are tolerances that were met.

    Examples:
        >>> def bowl(w):
        ...     return float(w @ w), 2 * w
        >>> points = descent(bowl, np.array([3.0, 4.0]), np.array([10.0, 1e-3]), 100)
        >>> [len(points), round(points[0].loss, 3), round(points[1].loss, 6)]
        [2, 25.0, 0.0]
    """
    passed: list[Point] = []
    evaluations = 0
    last: dict[bytes, tuple[float, np.ndarray]] = {}

    def evaluate(w: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        last.clear()
        last[w.tobytes()] = value_and_gradient(w)
        return last[w.tobytes()]

    def note(w: np.ndarray) -> None:
        loss, gradient = last.get(w.tobytes()) or value_and_gradient(w)
        size = float(np.sqrt(np.mean(np.square(gradient))))
        while len(passed) < len(tolerances) and size <= tolerances[len(passed)]:
            passed.append(Point(w.copy(), loss, max(evaluations, 1)))
        if len(passed) == len(tolerances):
            raise StopIteration

    try:
        note(start)
    except StopIteration:
        return passed
    options = {"maxcor": MEMORY, "gtol": 0.0, "ftol": 0.0, "maxiter": most, "maxfun": most}
    minimize(evaluate, start, jac=True, method="L-BFGS-B", callback=note, options=options)
    return passed


def _classes(arrays: Any) -> int:
    return 1 + int(max(arrays["train_labels"].max(), arrays["test_labels"].max()))


def _auc(landscape: Any, arrays: Any, w: np.ndarray) -> Float[np.ndarray, "p k"]:
    """(4, C + 1) AUC at weights (n,) on each part, of each class and of all together."""
    classes, found = _classes(arrays), []
    shares = {
        group: softmax(landscape.logits(w[None], arrays[f"{group}_inputs"])[0], axis=1)
        for group in ("train", "test")
    }
    for group, rows in _parts(arrays):
        found.append(_class_auc(shares[group][rows], arrays[f"{group}_labels"][rows], classes))
    return np.array(found)


def _parts(arrays: Any) -> Iterator[tuple[str, Bool[np.ndarray, " n"]]]:
    """The group of items of each of `PARTS`, and which of the group belong to the part."""
    count = len(arrays["train_labels"])
    changed = arrays["train_changed"] if "train_changed" in arrays else np.zeros(count, bool)
    yield "train", np.ones(count, bool)
    yield "train", changed
    yield "train", ~changed
    yield "test", np.ones(len(arrays["test_labels"]), bool)


def _class_auc(
    shares: Float[np.ndarray, "n C"], labels: Int[np.ndarray, " n"], classes: int
) -> Float[np.ndarray, " k"]:
    """(C + 1,) AUC of each class, and of all together; NaN without items."""
    if not len(labels):
        return np.full(classes + 1, np.nan)
    given = np.eye(classes, dtype=bool)[labels]
    single = [rank_auc(shares[:, number], given[:, number]) for number in range(classes)]
    return np.array([*single, rank_auc(shares.ravel(), given.ravel())])
