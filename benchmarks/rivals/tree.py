"""Disconnectivity trees of random networks of points: ours from an atlas, pele's, TopSearch's.

The networks have 2.7 transition states for each minimum, like the largest of the paper. Our side is
the command `lossatlas tree`, from the start of the program to the picture, including the reading of
the atlas. The rivals are given the network in memory, so that reading it costs them nothing.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.bulk import add_links, add_points
from benchmarks.rivals.environments import python_of, rival
from benchmarks.rivals.measure import (
    Context,
    Row,
    Target,
    Unavailable,
    Usage,
    interleaved,
    last_lines,
    run_process,
)
from sqlalchemy import Table

from lossatlas.atlas import Atlas, Problem, schema

LARGEST = 200_000
STATES_PER_MINIMUM = 2.7
WEIGHTS, INVARIANTS = 74, 33
HERE = Path(__file__).parent
PELE, TOPSEARCH = 5000, 1000
"""Numbers of minima at which the rivals are compared; the time of TopSearch grows fast beyond."""


class Network(NamedTuple):
    """A network with random energies, whose transition states lie above the minima they join."""

    energies: np.ndarray
    heights: np.ndarray
    first: np.ndarray
    second: np.ndarray


def network(n_minima: int) -> Network:
    """A random network of points, the same one for all sides."""
    random = np.random.default_rng(0)
    energies = random.random(n_minima)
    count = round(STATES_PER_MINIMUM * n_minima)
    first = random.integers(0, n_minima, count)
    second = (first + random.integers(1, n_minima, count)) % n_minima
    heights = np.maximum(energies[first], energies[second])
    return Network(energies, heights + random.exponential(0.1, count), first, second)


def write_atlas(path: Path, points: Network) -> None:
    """Write a network as an atlas in bulk, with weights and invariants that are zero."""
    with Atlas.create(path, Problem({"network": "random"})) as atlas:
        first, second = np.sort([points.first, points.second], axis=0) + 1
        _add(atlas, schema.minimum, points.energies)
        _add(atlas, schema.transition_state, points.heights)
        add_links(atlas, first, second)


def _add(atlas: Atlas, table: Table, energies: np.ndarray) -> None:
    shape = (len(energies),)
    invariants = np.broadcast_to(0.0, (*shape, INVARIANTS))
    weights = np.broadcast_to(0.0, (*shape, WEIGHTS))
    add_points(atlas, table, energies, invariants, weights)


class Measured(NamedTuple):
    """The number of minima, the CPU seconds and the bytes of peak memory."""

    minima: int
    cpu: float
    peak_bytes: int


def rows(context: Context) -> Iterator[Row]:
    """Rows for our side at the largest size, its growth, and the rivals at smaller sizes."""
    curves: dict[str, list[Measured]] = {"lossatlas": []}
    yield from _largest(context, curves)
    sizes = {"topsearch": (100, 300, TOPSEARCH), "pele": (500, 1500, PELE)}
    for name in sizes:
        yield _rival_row(context, name, sizes[name], curves)
    (context.results / "tree.json").write_text(json.dumps(curves))
    draw(curves, context.results / "rivals-tree.png")


def _largest(context: Context, curves: dict[str, list[Measured]]) -> Iterator[Row]:
    repeats = 1 if context.quick else 5
    for size in (1000, 10_000, 50_000, LARGEST):
        atlas = context.folder("tree") / "random.atlas"
        write_atlas(atlas, network(size))
        used = [ours(context, atlas, "png") for _ in range(1 if size < LARGEST else repeats)]
        middle = sorted(used)[len(used) // 2]
        curves["lossatlas"].append(Measured(size, middle.cpu, middle.peak_bytes))
    work = f"tree, {LARGEST:,} minima, {round(STATES_PER_MINIMUM * LARGEST):,} transition states"
    svg = ours(context, atlas, "svg")
    for suffix, runs in (("PNG", used), ("SVG", [svg])):
        seconds = tuple(usage.cpu for usage in runs)
        gigabytes = tuple(usage.peak_bytes / 1e9 for usage in runs)
        wall = f"one thread; {min(usage.wall for usage in runs):.1f} wall s"
        yield Row(f"{work}, to {suffix}", "", "CPU s", (), seconds, Target(limit=10.0), wall)
        yield Row(f"peak memory of that, {suffix}", "", "GB", (), gigabytes, Target(limit=2.0))
    yield Row(
        "growth of its CPU time from 10,000 minima on",
        "",
        "power of size",
        (),
        (growth(curves["lossatlas"]),),
        Target(limit=1.2),
        "the time of 1000 minima, which is that of starting, taken off",
    )


def growth(curve: list[Measured]) -> float:
    """The exponent with which the CPU time grows with size, from the second point to the last."""
    start, low, high = curve[0], curve[1], curve[-1]
    times = (high.cpu - start.cpu) / (low.cpu - start.cpu)
    return float(np.log(times) / np.log(high.minima / low.minima))


def ours(context: Context, atlas: Path, suffix: str) -> Usage:
    """Run `lossatlas tree` in a process of its own."""
    folder = context.folder("ours")
    command = [sys.executable, "-m", "lossatlas", "tree", atlas, "-o", folder / f"tree.{suffix}"]
    used = run_process(command, folder)
    if used.returncode:
        raise RuntimeError(f"lossatlas tree ended with {used.returncode}: {last_lines(folder)}")
    return used


def _rival_row(
    context: Context, name: str, sizes: tuple[int, ...], curves: dict[str, list[Measured]]
) -> Row:
    largest = sizes[-1]
    work = f"tree of {largest} minima to PNG"
    label = {"pele": "pele 0.1.2", "topsearch": "TopSearch 0.0.3"}[name]
    try:
        python = python_of(rival(context.environments, name))
        measured = [theirs(context, python, name, size) for size in sizes[:-1]]
        atlas = context.folder("tree") / "random.atlas"
        write_atlas(atlas, network(largest))
        last: list[Measured] = []

        def side() -> float:
            last.append(theirs(context, python, name, largest))
            return last[-1].cpu

        repeats = 3 if largest == PELE else 1
        values, own = interleaved([side, lambda: ours(context, atlas, "png").cpu], repeats)
    except Unavailable as reason:
        return Row(work, label, skipped=str(reason))
    curves[name] = [*measured, sorted(last)[len(last) // 2]]
    notes = "theirs: from the network in memory; ours: the whole command, start of Python included"
    return Row(work, label, "CPU s", values, own, None, notes)


def theirs(context: Context, python: Path, name: str, size: int) -> Measured:
    """Draw the picture of a rival, in its own interpreter."""
    folder = context.folder(name)
    points = network(size)
    np.savez(folder / "network.npz", **points._asdict())
    command = [python, HERE / f"tree_{name}.py", folder / "network.npz"]
    used = run_process(command, folder)
    if used.returncode:
        raise Unavailable(f"{name} failed: {last_lines(folder)}")
    said = (folder / "out").read_text().split()
    return Measured(size, float(said[-1]), used.peak_bytes)


def draw(curves: dict[str, list[Measured]], path: Path) -> None:
    """Draw CPU time and peak memory against the number of minima."""
    from matplotlib.figure import Figure

    figure = Figure((8.0, 3.4), layout="constrained")
    for ax, field, scale, label in zip(
        figure.subplots(1, 2), (1, 2), (1.0, 1e9), ("CPU time / s", "peak memory / GB"), strict=True
    ):
        for name, points in curves.items():
            ax.loglog([p[0] for p in points], [p[field] / scale for p in points], "o-", label=name)
        ax.set_xlabel("minima")
        ax.set_ylabel(label)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
    figure.savefig(path, dpi=150)
