"""The two C programs, which are built with the compiler of the machine and called by ctypes."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from benchmarks.rivals.measure import Unavailable

HERE = Path(__file__).parent
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
POINTER = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")


def build(name: str, folder: Path, *defines: str) -> tuple[ctypes.CDLL, str]:
    """Compile ``name.c`` into a shared library in a folder.

    Returns:
        The library, and the name of the compiler.

    Raises:
        Unavailable: if there is no compiler (gcc, or the one that the variable CC names), or it
            failed.
    """
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None:
        raise Unavailable("no C compiler: install gcc, or name one in the variable CC")
    library = folder / f"{name}.so"
    command = [compiler, *FLAGS, *defines, str(HERE / f"{name}.c"), "-o", str(library), "-lm"]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise Unavailable(f"{' '.join(command)} failed: {ran.stderr.strip()[-300:]}")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    return ctypes.CDLL(str(library)), f"{version.splitlines()[0]}, {' '.join(FLAGS[:3])}"


class CompiledNetwork:
    """``network.c`` for a network with one hidden layer and a number of items divisible by 8."""

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, hidden: int, folder: Path) -> None:
        """Build for the sizes of inputs (items, features) and labels (items,)."""
        self.items, features = inputs.shape
        classes = int(labels.max()) + 1
        if self.items % 8:
            raise Unavailable(f"network.c takes items by eight; {self.items} are not")
        self.inputs = np.ascontiguousarray(inputs.T, np.float64)
        self.targets = np.ascontiguousarray(np.eye(classes)[labels].T)
        sizes = (f"-DNIN={features}", f"-DNHID={hidden}", f"-DNOUT={classes}")
        library, self.compiler = build("network", folder, *sizes)
        self._descend = library.descend
        self._descend.restype = ctypes.c_double
        number, whole = ctypes.c_double, ctypes.c_long
        self._descend.argtypes = [POINTER, POINTER, whole, number, POINTER, POINTER, whole, number]

    def descend(
        self, w: np.ndarray, l2: float, times: int, rate: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Make steps of steepest descent from w.

        Returns:
            The last energy and gradient, and the weights after the last step.
        """
        w, gradient = np.array(w, np.float64), np.empty(len(w))
        energy = self._descend(self.inputs, self.targets, self.items, l2, w, gradient, times, rate)
        return energy, gradient, w


class CompiledLJAT3:
    """``ljat3.c``, the minimization of LJAT3 clusters."""

    def __init__(self, folder: Path) -> None:
        """Build the program in a folder."""
        library, self.compiler = build("ljat3", folder)
        self._minimize = library.minimize_all
        self._minimize.restype = ctypes.c_long
        counter = ctypes.POINTER(ctypes.c_long)
        self._minimize.argtypes = [POINTER, ctypes.c_long, ctypes.c_double, counter]

    def minimize(self, starts: np.ndarray, step_cap: float) -> tuple[np.ndarray, int, int]:
        """Minimize starts (N, 3, 3).

        Returns:
            The ends, the number of evaluations, and the number of starts that did not converge.
        """
        positions, unconverged = np.array(starts, np.float64, order="C"), ctypes.c_long()
        total = self._minimize(positions, len(starts), step_cap, ctypes.byref(unconverged))
        return positions, total, unconverged.value
