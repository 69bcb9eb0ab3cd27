"""Folders of images in the IDX format: MNIST and its relatives (Fashion-MNIST, EMNIST, KMNIST).

An IDX file holds one array: two zero bytes, the type of the numbers (8 for bytes), the number of
axes, their lengths as big-endian 32-bit integers, and then the numbers, row by row. A set consists
of four such files: images and labels for training, and images and labels for testing.

The files are found by the names that are in use: ``t10k`` or ``test`` for the second half, a prefix
that names the set, a dash or a dot before ``idx``, with or without ``.gz``.

Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST database, http://yann.lecun.com/exdb/mnist.
"""

import gzip
import math
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from lossatlas.data.dataset import Dataset
from lossatlas.errors import BadInputError

Pixels = Literal["unit", "raw"]
"""The unit of pixels: from 0 (black) to 1 (white) for ``unit``, from 0 to 255 for ``raw``."""

FILES = {
    "training images": ("train-images-idx3-ubyte",),
    "training labels": ("train-labels-idx1-ubyte",),
    "test images": ("t10k-images-idx3-ubyte", "test-images-idx3-ubyte"),
    "test labels": ("t10k-labels-idx1-ubyte", "test-labels-idx1-ubyte"),
}
"""The contents of the four files, and the names by which each is looked for."""

GZIP = b"\x1f\x8b"
"""The first bytes of a compressed file."""

TYPES = {8: "bytes", 9: "signed bytes", 11: "shorts", 12: "ints", 13: "floats", 14: "doubles"}
"""The types of numbers for which the third byte of a file stands."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images as they are stored, with a byte for each pixel, until some are chosen as a `Dataset`.

    Attributes:
        bytes: (N, k) the pixels of each image, row by row.
        labels: (N,) the class of each image, from 0 to C - 1.
        name: where the images come from, for messages.
        pixels: the unit of the inputs that `subset` makes.
        classes: names of the C classes.
        features: names of the k pixels.
    """

    bytes: UInt8[np.ndarray, "N k"]
    labels: Int[np.ndarray, " N"]
    name: str
    pixels: Pixels
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def subset(self, rows: Int[np.ndarray, " M"]) -> Dataset:
        """The given images, in the given order, as a `Dataset`."""
        inputs = self.bytes[rows] / (255.0 if self.pixels == "unit" else 1.0)
        return Dataset(inputs, self.labels[rows], self.classes, self.name, self.features)


class PicturePools(NamedTuple):
    """The images of a set in its own two parts, from which `split_pools` chooses.

    Attributes:
        train: the images for training.
        test: the images for testing.
    """

    train: Pictures
    test: Pictures


def load_idx(path: str | Path, prefix: str = "", pixels: Pixels = "unit") -> PicturePools:
    """Read all images of a folder of IDX files.

    Args:
        path: folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``. Each name may have a dot
            instead of the dash before ``idx``, ``test`` instead of ``t10k``, and end in ``.gz``.
        prefix: text with which the names begin, such as ``"emnist-letters"``; the dash after it may
            be left out. By default there is none.
        pixels: the unit of the inputs, ``"unit"`` (the default) for 0 to 1 or ``"raw"`` for 0 to
            255.

    Returns:
        The images for training and for testing, of any size. The classes are the labels of both in
        ascending order, and their names are the numbers in the files.

    Raises:
        BadInputError: a file is missing, damaged or not an IDX file of bytes, there are not as many
            labels as images, the images have different sizes, or all labels are of one class.

    Examples:
        >>> pools = load_idx("emnist", "emnist-letters")     # doctest: +SKIP
        >>> len(pools.train), pools.train.classes[0]         # doctest: +SKIP
        (124800, '1')
    """
    folder = Path(path).expanduser()
    begin = f"{prefix}-" if prefix and not prefix.endswith(("-", "_", ".")) else prefix
    # All files are looked for before any is read, and the small ones are read first, so that a
    # wrong folder is reported at once.
    paths = {
        what: find_file(folder, [begin + name for name in names], lambda: _remedy(folder, begin))
        for what, names in FILES.items()
    }
    arrays = {
        what: read_idx(file_content(paths[what]), str(paths[what]))
        for what in sorted(paths, key=lambda what: "images" in what)
    }
    for half in ("training", "test"):
        _check_half(arrays, paths, half)
    images = [arrays["training images"], arrays["test images"]]
    if images[0].shape[1:] != images[1].shape[1:]:
        problem = f"its pictures are {_size(images[1])}, the training pictures {_size(images[0])}"
        raise BadInputError(str(paths["test images"]), problem, "give the files of one set")
    return _pools(arrays, str(folder / prefix), pixels)


def read_idx(content: bytes, name: str) -> UInt8[np.ndarray, "..."]:
    """The array in an IDX file of bytes.

    Args:
        content: content of the file, not compressed.
        name: name of the file, for messages.

    Raises:
        BadInputError: it is not an IDX file of bytes, or its length is not what its header says.

    Examples:
        >>> read_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9]), "tiny")
        array([[7, 9]], dtype=uint8)
    """
    if content[:3] != b"\x00\x00\x08" or len(content) < 4:
        raise _no_idx(content, name)
    header = 4 + 4 * content[3]
    whole = len(content) >= header
    shape = tuple(np.frombuffer(content[4:header], ">u4").tolist()) if whole else ()
    if not whole or len(content) != header + math.prod(shape):
        problem = f"its {len(content)} bytes do not fit the array that its header describes"
        raise BadInputError(name, problem, "copy the file again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def find_file(folder: Path, names: list[str], remedy: Callable[[], str]) -> Path:
    """The first file of a folder that has one of the names, in any of the spellings in use.

    Args:
        folder: the folder to look in.
        names: the names, with a dash before ``idx`` and without ``.gz``.
        remedy: function that says what to do if there is no such file.

    Raises:
        BadInputError: there is no such file.
    """
    spellings = [
        spelling + end
        for name in names
        for spelling in (name, name.replace("-idx", ".idx"))
        for end in ("", ".gz")
    ]
    # Some archives hold a folder of the same name next to the file.
    present = [folder / name for name in spellings if os.path.exists(folder / name)]
    for path in sorted(present, key=Path.is_dir):
        return path
    problem = f"there is no {' or '.join(f'{name} or {name}.gz' for name in names)} in it"
    raise BadInputError(str(folder), problem, remedy())


def file_content(path: Path) -> bytes:
    """The content of a file, decompressed if its name ends in ``.gz``.

    Raises:
        BadInputError: the file cannot be read or decompressed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the file") from error
    try:
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        compressed = content.startswith(GZIP)
        remedy = "copy the file again" if compressed else "take .gz off its name if it is unpacked"
        raise BadInputError(str(path), f"is damaged ({error})", remedy) from error


def pixel_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """A name for each pixel of an image, row by row.

    Examples:
        >>> pixel_names((1, 2)), pixel_names((2,))
        (('r0c0', 'r0c1'), ('x1', 'x2'))
    """
    if len(shape) == 2:
        return tuple(f"r{row}c{column}" for row in range(shape[0]) for column in range(shape[1]))
    return tuple(f"x{k + 1}" for k in range(math.prod(shape)))


def _no_idx(content: bytes, name: str) -> BadInputError:
    problem = f"is no IDX file of bytes (it begins with {content[:4].hex(' ') or 'nothing'})"
    if content.startswith(GZIP):
        return BadInputError(name, f"{problem} but is compressed", "let its name end in .gz")
    if content[:2] == b"\x00\x00" and len(content) > 3 and content[2] in TYPES:
        remedy = f"its numbers are {TYPES[content[2]]}; convert them to bytes"
        return BadInputError(name, problem, remedy)
    return BadInputError(name, problem, "give a file in the format of those of MNIST")


def _remedy(folder: Path, begin: str) -> str:
    """What to do if a file is missing, judged by what the folder holds."""
    if not folder.is_dir():
        return "give the path of a folder" if folder.exists() else "check the path of the folder"
    others = [repr(prefix.rstrip("-")) for prefix in _prefixes(folder) if prefix != begin]
    if others:
        return f"the files there have the prefix {' or '.join(others)}: set prefix to it"
    for below in sorted([*folder.glob("*/"), *folder.glob("*/raw/")]):
        if _prefixes(below):
            return f"such files are in {below}"
    return "give the folder of the four files, named as those of MNIST"


def _prefixes(folder: Path) -> list[str]:
    """The prefixes of the known names of files in a folder, each once and in order."""
    try:
        names = os.listdir(folder)
    except OSError:  # The folder may not be read, so nothing is known of it.
        return []
    known = re.compile(r"(?P<prefix>.*?)(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?")
    return sorted({found["prefix"] for name in names if (found := known.fullmatch(name))})


def _check_half(arrays: dict[str, np.ndarray], paths: dict[str, Path], half: str) -> None:
    """Refuse images and labels that do not belong together."""
    images, labels = arrays[f"{half} images"], arrays[f"{half} labels"]
    paths_of = str(paths[f"{half} images"]), str(paths[f"{half} labels"])
    if images.ndim < 2:
        problem = f"it holds an array of shape {images.shape}, not pictures"
        raise BadInputError(paths_of[0], problem, "give the file of the images")
    if labels.ndim != 1:
        problem = f"it holds an array of shape {labels.shape}, not one label a picture"
        raise BadInputError(paths_of[1], problem, "give the file of the labels")
    if len(images) != len(labels):
        problem = f"it holds {len(labels)} labels, {paths_of[0]} {len(images)} pictures"
        raise BadInputError(paths_of[1], problem, "give two files that belong together")
    if not images.size:
        problem = f"it holds an array of shape {images.shape}"
        raise BadInputError(paths_of[0], problem, "give at least one picture of one pixel")


def _size(images: np.ndarray) -> str:
    return " x ".join(map(str, images.shape[1:]))


def _pools(arrays: dict[str, np.ndarray], name: str, pixels: Pixels) -> PicturePools:
    halves = ("training", "test")
    labels = [arrays[f"{half} labels"] for half in halves]
    present, numbered = np.unique(np.concatenate(labels), return_inverse=True)
    if len(present) < 2:
        problem = f"only one class ({present[0]})"
        raise BadInputError(f"{name}: labels", problem, "give pictures of at least two classes")
    features = pixel_names(arrays["training images"].shape[1:])
    classes = tuple(map(str, present.tolist()))
    numbers = np.split(numbered, [len(labels[0])])
    train, test = (
        Pictures(
            arrays[f"{half} images"].reshape(len(own), -1),
            own,
            f"{name}, {half} images",
            pixels,
            classes,
            features,
        )
        for half, own in zip(halves, numbers, strict=True)
    )
    return PicturePools(train, test)
