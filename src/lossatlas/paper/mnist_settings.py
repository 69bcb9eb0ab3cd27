"""Which settings of MNIST come nearest to Table III, by the descents of `mnist_scan`.

A setting is a scaling of the pixels, a lambda, a tolerance at which a minimization stops, and a way
in which the AUC of ten classes become the mean and the standard deviation that the paper prints.
Its distance is the root mean square, over columns, parts of the data, means and standard
deviations, of the difference from the printed number in units of the printed standard deviation of
the same part and column. Columns with 25 and 60 % errors are held out: they take no part in the
choice of the nearest setting. They share data and starts with the others, so that their distance
says whether the choice holds between the columns; fresh draws say whether it holds for other data.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas import BadInputError
from lossatlas.paper.cell import PILOT
from lossatlas.paper.mnist_scan import GRIDS, PARTS, TOLERANCES, Descents, Place, file_of, load
from lossatlas.paper.published import published

HELD_OUT = ("25", "60")
"""Columns of Table III that are not used to choose a setting."""
FITTED = 1
"""The draw by which the nearest setting is chosen."""
STATISTICS = ("mean", "sd")
Numbers = dict[tuple[str, str], float]
"""Numbers of a column by part of the data and statistic."""
Columns = Mapping[str, Numbers]
"""Numbers by column, as the paper names columns: percentages of wrong labels."""


def _over_points(values: Float[np.ndarray, " s"]) -> tuple[float, float]:
    """Mean and standard deviation over points; NaN for too few."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return float(values.mean()), spread


def _macro(auc: np.ndarray) -> tuple[float, float]:
    return _over_points(_mean_of_classes(auc))


def _pooled(auc: np.ndarray) -> tuple[float, float]:
    single = auc[:, :-1]
    single = single[np.isfinite(single)]
    spread = float(single.std(ddof=1)) if len(single) > 1 else math.nan
    return float(_mean_of_classes(auc).mean()), spread


def _first_class(auc: np.ndarray) -> tuple[float, float]:
    return _over_points(auc[:, 0])


def _micro(auc: np.ndarray) -> tuple[float, float]:
    return _over_points(auc[:, -1])


def _mean_of_classes(auc: np.ndarray) -> np.ndarray:
    """(s,) mean over the classes that have an AUC; NaN if none has."""
    known = np.isfinite(auc[:, :-1])
    total = np.where(known, auc[:, :-1], 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


AVERAGES: dict[str, Callable[[np.ndarray], tuple[float, float]]] = {
    "macro AUC, sd over minima and classes": _pooled,
    "macro AUC, sd over minima": _macro,
    "AUC of class 0": _first_class,
    "micro AUC": _micro,
}
"""Ways in which (s, C + 1) AUC of s points become a mean and a standard deviation."""


class Setting(NamedTuple):
    """What the paper leaves open.

    Attributes:
        pixels: name of the scaling of the pixels.
        l2: lambda.
        tolerance: RMS gradient at which a minimization stops.
        average: name of the way in which classes are averaged.
    """

    pixels: str
    l2: float
    tolerance: float
    average: str

    @property
    def position(self) -> int:
        """The position of the tolerance in `TOLERANCES`."""
        return int(np.argmin(abs(np.log(TOLERANCES / self.tolerance))))


class Fit(NamedTuple):
    """How near a setting comes to Table III.

    Attributes:
        setting: the setting.
        chosen_by: distance by the columns that are used to choose it.
        held_out: distance by the columns that are held out.
        evaluations: evaluations of a descent, mean over descents and columns.
    """

    setting: Setting
    chosen_by: float
    held_out: float
    evaluations: float


def numbers_of(auc: Float[np.ndarray, "s p k"], average: str) -> Numbers:
    """Mean and standard deviation of the AUC on each part, by a way of averaging.

    Args:
        auc: (s, 4, C + 1) AUC of s points, see `mnist_scan.Descents`.
        average: a name in `AVERAGES`.

    Examples:
        >>> auc = np.array([[[0.9, 0.7, 0.5]] * 4, [[0.8, 0.8, 0.5]] * 4])
        >>> round(numbers_of(auc, "macro AUC, sd over minima")["test", "mean"], 3)
        0.8
    """
    found: Numbers = {}
    for number, part in enumerate(PARTS):
        pair = AVERAGES[average](auc[:, number])
        found |= {(part, name): value for name, value in zip(STATISTICS, pair, strict=True)}
    return found


def printed(column: str) -> Numbers:
    """The numbers of a column of Table III."""
    there = published("mnist", column)
    names = ((part, name) for part in PARTS for name in STATISTICS)
    return {
        (part, name): there[f"{part}_{name}_auc"]
        for part, name in names
        if f"{part}_{name}_auc" in there
    }


def counted(column: str) -> Numbers:
    """The printed numbers that count in a distance: each once.

    Without errors the correct part is all of the training data, and with nothing but errors the
    incorrect part is.
    """
    same = {"0": "correct", "100": "incorrect"}.get(column)
    return {(part, name): x for (part, name), x in printed(column).items() if part != same}


def distance(ours: Columns, paper: Columns) -> float:
    """The root mean square difference, in printed standard deviations of the part and column.

    It is NaN if a number of ours is missing or undefined, or without any column.

    Args:
        ours: our numbers; columns that the paper does not have are left out.
        paper: the printed numbers.

    Examples:
        >>> ours = {"50": {("test", "mean"): 0.90, ("test", "sd"): 0.03}}
        >>> paper = {"50": {("test", "mean"): 0.92, ("test", "sd"): 0.02}}
        >>> round(distance(ours, paper), 4)
        0.7906
    """
    terms = [
        (ours[column].get((part, name), math.nan) - value) / paper[column][part, "sd"]
        for column in ours
        for (part, name), value in paper.get(column, {}).items()
    ]
    return float(np.sqrt(np.mean(np.square(terms)))) if terms else math.nan


def key_of(error: float) -> str:
    """The name of the column with a share of wrong labels."""
    return f"{100 * error:g}"


class Scanned(NamedTuple):
    """What a scan has come to.

    Attributes:
        fits: the distances of the settings, the nearest first.
        pairs: number of pairs of a scaling and a lambda whose descents were made in all columns.
        wanted: number of pairs of the grid.
        not_reached: number of settings that are left out because some descent ended before its
            RMS gradient was as small as their tolerance.
    """

    fits: list[Fit]
    pairs: int
    wanted: int
    not_reached: int

    @property
    def nearest(self) -> Fit | None:
        """The setting with the smallest distance; None if there is none."""
        defined = [fit for fit in self.fits if not math.isnan(fit.chosen_by)]
        return defined[0] if defined else None


def scanned(folder: Path, scale: str) -> Scanned:
    """The distances of all settings whose descents were made with draw 1.

    Args:
        folder: folder of the whole reproduction.
        scale: name of the scale.
    """
    grid, found, pairs = GRIDS[scale], list[Fit](), 0
    for pixels in grid.pixels:
        for l2 in grid.l2:
            made = of_draw(folder, scale, (pixels, l2), FITTED)
            if made is not None:
                pairs += 1
                found += list(_fits_of(pixels, l2, made))
    found.sort(key=lambda fit: (math.isnan(fit.chosen_by), fit.chosen_by))
    every = pairs * len(TOLERANCES) * len(AVERAGES)
    return Scanned(found, pairs, len(grid.pixels) * len(grid.l2), every - len(found))


def of_draw(
    folder: Path, scale: str, pair: tuple[str, float], draw: int
) -> dict[str, Descents] | None:
    """The descents of a draw by column, for a scaling and a lambda; None if any column is missing.

    Args:
        folder: folder of the whole reproduction.
        scale: name of the scale.
        pair: name of the scaling of the pixels, and lambda.
        draw: number of the draw.
    """
    errors = GRIDS[scale].errors
    there = {key_of(error): load(folder, scale, Place(*pair, error, draw)) for error in errors}
    made = {key: descents for key, descents in there.items() if descents is not None}
    return made if len(made) == len(there) else None


def _fits_of(pixels: str, l2: float, made: Mapping[str, Descents]) -> Iterable[Fit]:
    for k, tolerance in enumerate(TOLERANCES):
        if not all(np.isfinite(one.loss[:, k]).all() for one in made.values()):
            continue
        evaluations = float(np.mean([one.evaluations[:, k] for one in made.values()]))
        for average in AVERAGES:
            setting = Setting(pixels, l2, float(tolerance), average)
            yield Fit(setting, *distances(setting, made), evaluations)


def distances(setting: Setting, made: Mapping[str, Descents]) -> tuple[float, float]:
    """The distances by the columns that choose a setting and by those that are held out.

    Args:
        setting: the setting; its tolerance is one of `TOLERANCES`.
        made: descents by column.
    """
    k = setting.position
    ours = {key: numbers_of(one.auc[:, k], setting.average) for key, one in made.items()}
    paper = {key: counted(key) for key in ours}
    apart = {key: own for key, own in ours.items() if key in HELD_OUT}
    rest = {key: own for key, own in ours.items() if key not in HELD_OUT}
    return distance(rest, paper), distance(apart, paper)


def fresh_draws(found: Scanned, scale: str, folder: Path) -> list[int]:
    """The fresh draws whose descents were made with the nearest setting in every column."""
    if found.nearest is None:
        return []
    pair, errors = found.nearest.setting[:2], GRIDS[scale].errors

    def whole(draw: int) -> bool:
        files = (file_of(folder, scale, Place(*pair, error, draw)) for error in errors)
        return all(file.exists() for file in files)

    return [draw for draw in _draws_with_files(folder) if draw > PILOT and whole(draw)]


def places(folder: Path, scale: str, draw: int) -> list[Place]:
    """The places whose descents are missing for a draw.

    Draw 1 gets the whole grid. Fresh draws get the scaling and the lambda of the setting that is
    nearest with draw 1, which must have been scanned. The other draws of the pilot get nothing.

    Raises:
        BadInputError: if a fresh draw is wanted before all of draw 1 was scanned.
    """
    grid = GRIDS[scale]
    pairs = [(pixels, l2) for pixels in grid.pixels for l2 in grid.l2 if draw == FITTED]
    if draw > PILOT:
        found = scanned(folder, scale)
        if found.nearest is None or found.pairs < found.wanted:
            problem = f"{found.pairs} of {found.wanted} pairs of a scaling and a lambda are scanned"
            remedy = "scan draw 1 first, by the same command without --first-draw"
            raise BadInputError("mnist-scan", problem, remedy)
        pairs = [found.nearest.setting[:2]]
    wanted = [Place(pixels, l2, error, draw) for pixels, l2 in pairs for error in grid.errors]
    return [place for place in wanted if not file_of(folder, scale, place).exists()]


def _draws_with_files(folder: Path) -> list[int]:
    named = (re.search(r"-draw(\d+)-", path.name) for path in folder.glob("scan/*.npz"))
    return sorted({int(one[1]) for one in named if one})
