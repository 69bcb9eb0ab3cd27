"""Label noise: what the table [noise] of a study does to the training labels."""

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
    """Change clean labels as the table [noise] says.

    Args:
        noise: the table [noise].
        labels: (N,) clean labels, 0, ..., classes - 1.
        classes: number of classes of the data.
        outputs: (N, classes) logits of the reference network for every item. They are needed for
            the kinds ``boundary`` and ``adversarial`` only.

    Raises:
        BadInputError: if the noise cannot be applied, for the reasons of `lossatlas.data.noise`.

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
    assert outputs is not None  # the caller has computed them for these kinds
    by_reference = boundary_noise if noise.kind == "boundary" else adversarial_noise
    return by_reference(labels, outputs, noise.fraction)


def noise_text(noise: Noise) -> str:
    """A text that describes the noise, for the fingerprint of a landscape.

    It does not name the file of the reference, since the labels show what the reference was.

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
