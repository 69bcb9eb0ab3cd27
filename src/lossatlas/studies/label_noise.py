"""The table [noise] of a study, carried out on the training labels."""

import hashlib
import json

import numpy as np

from lossatlas.data import (
    NoisyLabels,
    adversarial_noise,
    boundary_noise,
    class_conditional_noise,
    permutation_noise,
    uniform_noise,
)
from lossatlas.studies.study import Noise


def noisy_labels(
    noise: Noise, labels: np.ndarray, classes: int, outputs: np.ndarray | None = None
) -> NoisyLabels:
    """The labels that a table [noise] makes of clean ones.

    Args:
        noise: the table.
        labels: (N,) clean labels, 0..classes-1.
        classes: how many classes the data have.
        outputs: (N, classes) of the reference for every item, where the kind has a reference.

    Raises:
        BadInputError: as `lossatlas.data.noise`.

    Examples:
        >>> noise = Noise(kind="permutation", fraction=0.5, seed=3)
        >>> int(noisy_labels(noise, np.arange(10) % 2, 2).changed.sum())
        5
    """
    drawn = noise.fraction, noise.seed, noise.common_random_numbers
    if noise.kind == "uniform":
        return uniform_noise(labels, classes, *drawn)
    if noise.kind == "permutation":
        return permutation_noise(labels, classes, *drawn)
    if noise.kind == "class-conditional":
        assert noise.confusion is not None  # the table was checked
        return class_conditional_noise(labels, classes, noise.confusion, *drawn)
    assert outputs is not None  # the caller's part
    by_reference = boundary_noise if noise.kind == "boundary" else adversarial_noise
    return by_reference(labels, outputs, noise.fraction)


def noise_text(noise: Noise) -> str:
    """What identifies the noise of a landscape, for people to compare.

    Where the reference is kept does not enter; the labels say what it was.

    Examples:
        >>> noise_text(Noise(fraction=0.1, seed=3))
        'uniform 0.1, seed 3'
    """
    parts = [f"{noise.kind} {noise.fraction}"]
    if noise.reference is None:
        parts.append(f"seed {noise.seed}")
    if noise.common_random_numbers:
        parts.append("common random numbers")
    if noise.confusion is not None:
        matrix = hashlib.sha256(json.dumps(noise.confusion).encode()).hexdigest()
        parts.append(f"confusion {matrix[:8]}")
    return ", ".join(parts)
