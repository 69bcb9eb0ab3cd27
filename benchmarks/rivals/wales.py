"""GMIN, OPTIM and PATHSAMPLE, as they are contained in the Linux wheel of pylfl.

The keywords are those with which the programs did best on this problem, not the templates of pylfl;
https://www-wales.ch.cam.ac.uk explains them. Every run has a folder of its own, with the training
data in ``MLPdata`` and the keywords in ``data``, ``odata`` or ``pathdata``.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.rivals.environments import rival
from benchmarks.rivals.measure import Unavailable, last_lines

from lossatlas.landscape import NetworkLandscape

HYBRID_SEARCH = """
BFGSMIN 1.0D-9
CONVERGE 1.0 1.0D-9
EDIFFTOL 1.0D-7
GEOMDIFFTOL 1.0D2
BFGSTS 500 20 200 0.01
NOIT
SHIFT 1.0D10
MAXSTEP 0.2
MAXMAX 0.4
TRAD 1.0
STEPS 120
UPDATES 100 100
BFGSSTEPS 50000
"""
"""Keywords for hybrid eigenvector-following with the exact Hessian, then L-BFGS down both sides."""

PATHS = "DUMPALLPATHS\nPATH 3 0.0\n"

GROW = """
ALLTS
EVCUT 1.0D-7
COPYFILES MLPdata
EDIFFTOL 1.0D-7
GEOMDIFFTOL 1.0D2
EXEC OPTIM
TEMPERATURE 0.1
PAIRLIST 1
PERTURB 0.9
SLEEPTIME 0.05 0.05
NEWCONNECTIONS 12 30 1
"""
"""Keywords for single-ended searches from every minimum until it has twelve connections."""

PERTURBATION = 0.9
"""Largest change of each weight of a minimum before OPTIM searches; with 0.3 and 0.1 it finds
fewer."""


def folder_of_programs(environments: Path) -> Path:
    """The folder of GMIN, OPTIM and PATHSAMPLE, after pylfl is installed in `environments`."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("the binaries in pylfl that this benchmark drives are those for Linux")
    found = sorted(rival(environments, "pylfl").glob("lib/*/site-packages/pylfl/bin/linux"))
    if not found:
        raise Unavailable("pylfl is installed without its Linux binaries")
    for program in found[0].iterdir():
        program.chmod(program.stat().st_mode | 0o111)
    return found[0]


def environment(programs: Path) -> dict[str, str]:
    """The environment variables, with the programs in PATH, where PATHSAMPLE looks for OPTIM."""
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def mlpvb3(landscape: NetworkLandscape) -> str:
    """The keyword that names the problem (one hidden layer)."""
    inputs, hidden, outputs = landscape.architecture.widths
    return f"MLPVB3 {inputs} 1 {hidden} {outputs} {len(landscape.labels)} {landscape.l2:.10f}\n"


def write_training_data(folder: Path, landscape: NetworkLandscape) -> None:
    """Write ``MLPdata``, with the outcome, counted from 0, and the inputs of every item."""
    rows = zip(landscape.labels, landscape.inputs, strict=True)
    lines = (f"{c} " + " ".join(f"{x:.15e}" for x in inputs) for c, inputs in rows)
    (folder / "MLPdata").write_text("\n".join(lines) + "\n")


def numbers(w: np.ndarray) -> str:
    """The weights as text, one in each line."""
    return "".join(f"{x:.15f}\n" for x in w)


def prepare_gmin(
    folder: Path,
    landscape: NetworkLandscape,
    start: np.ndarray,
    *,
    steps: int,
    seed: int = 1,
    memory: int = 500,
    most: int = 5000,
    save: int = 1,
) -> None:
    """Write the files for basin-hopping from a start, with quenches to an RMS gradient of 1e-9."""
    write_training_data(folder, landscape)
    (folder / "coords").write_text(numbers(start))
    (folder / "data").write_text(
        f"SLOPPYCONV 1.0D-9\nTIGHTCONV 1.0D-9\nSAVE {save}\nEDIFF 1.0D-6\nFIXBOTH\n"
        f"UPDATES {memory}\nMAXIT {most} {most}\nSTEPS {steps} 1.0\nSTEP 1.0\nTEMPERATURE 2.0\n"
        f"RANSEED {seed}\n" + mlpvb3(landscape)
    )


class GminQuench(NamedTuple):
    """A line ``Qu`` of the output of GMIN."""

    number: int
    energy: float
    steps: int
    rms_gradient: float
    cpu: float


QUENCH = re.compile(
    r"^ *Qu +(\d+) +E= *(\S+) +steps= *(\d+) +RMS= *(\S+) +Markov E= *\S+ +t= *(\S+)", re.M
)


def quenches(output: str) -> list[GminQuench]:
    """All quenches of a run of GMIN in their order, with CPU seconds since its start."""
    return [
        GminQuench(int(n), float(energy), int(steps), float(rms), float(cpu))
        for n, energy, steps, rms, cpu in QUENCH.findall(output)
    ]


def potential_calls(output: str) -> int:
    """The number of evaluations of the energy and gradient in a run of GMIN."""
    found = re.search(r"Number of potential calls +(\d+)", output)
    if found is None:
        raise Unavailable("GMIN did not end as expected")
    return int(found[1])


def lowest(path: Path) -> list[tuple[float, np.ndarray]]:
    """Energy and weights of the minima in the file ``lowest`` of GMIN, lowest first.

    Each minimum has a line with the number of weights, a line with the energy, and a line for each
    weight.
    """
    lines, minima = path.read_text().splitlines(), []
    while len(lines) > 2:
        count = int(lines[0])
        energy = re.search(r"Energy of minimum +\d+= *(\S+)", lines[1])
        if energy is None:
            raise Unavailable(f"{path}: no energy in {lines[1]!r}")
        minima.append((float(energy[1]), np.array(lines[2 : 2 + count], float)))
        lines = lines[2 + count :]
    return minima


def prepare_optim(
    folder: Path, landscape: NetworkLandscape, start: np.ndarray, *, paths: bool
) -> None:
    """Write the files for a search from a start; with `paths`, OPTIM descends on both sides too."""
    write_training_data(folder, landscape)
    keywords = mlpvb3(landscape) + HYBRID_SEARCH.lstrip() + (PATHS if paths else "")
    (folder / "odata").write_text(keywords + "VARIABLES\n" + numbers(start))


def found_transition_state(folder: Path) -> np.ndarray | None:
    """The weights to which a search of OPTIM converged; None if it did not converge."""
    if "**** CONVERGED ****" not in (folder / "out").read_text(errors="replace"):
        return None
    return np.array((folder / "points.final").read_text().split(), float)


class Triple(NamedTuple):
    """A minimum, a transition state and a minimum: all energies, and the weights of the second."""

    energies: tuple[float, float, float]
    weights: np.ndarray


def triple(text: str, n_weights: int) -> Triple | None:
    """The triple of a ``path.info``; None if it is incomplete.

    Each of the three points has a line with its energy, a line with the point group, and then its
    Hessian eigenvalues and its weights, with three numbers in each line.
    """
    lines, per_block = text.splitlines(), -(-n_weights // 3)
    size = 2 + 2 * per_block
    if len(lines) < 3 * size:
        return None
    energies = tuple(float(lines[k * size]) for k in range(3))
    weights = " ".join(lines[size + 2 + per_block : 2 * size]).split()
    return Triple(energies, np.array(weights, float))  # type: ignore[arg-type]


def prepare_pathsample(
    folder: Path,
    landscape: NetworkLandscape,
    minima: Sequence[tuple[float, np.ndarray]],
    *,
    cycles: int,
    cores: int,
) -> None:
    """Write a database of minima (energy, weights) and the keywords of a single-ended survey."""
    write_training_data(folder, landscape)
    # The product of frequencies is not used, so it may be any number.
    line = f"{-420.0:25.15f}{1:6d}" + 3 * f"{1.0:20.10f}" + "\n"
    (folder / "min.data").write_text("".join(f"{energy:25.15f}{line}" for energy, _ in minima))
    np.array([w for _, w in minima], "<f8").tofile(folder / "points.min")
    for name in ("ts.data", "points.ts"):
        (folder / name).touch()
    (folder / "min.A").write_text("1\n1\n")
    (folder / "min.B").write_text("1\n2\n")
    problem = mlpvb3(landscape)
    grow = f"SEED 83913\nCPUS {cores}\nCYCLES {cycles}\n"
    (folder / "pathdata").write_text(problem + GROW.lstrip() + grow)
    search = problem + PATHS + HYBRID_SEARCH.lstrip() + "VARIABLES\n"
    (folder / "odata.tspath").write_text(search)
    (folder / "odata.connect").write_text(search)


def check_ran(folder: Path, returncode: int, program: str) -> str:
    """The output of a program.

    Raises:
        Unavailable: if the program failed.
    """
    if returncode:
        raise Unavailable(f"{program} ended with {returncode}: {last_lines(folder)}")
    return (folder / "out").read_text(errors="replace")
