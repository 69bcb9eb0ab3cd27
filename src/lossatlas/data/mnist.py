"""MNIST: 28 x 28 pictures of handwritten digits, 60000 to train on and 10000 to test on.

The four files are in the IDX format: two zero bytes, the type of the numbers (8: bytes), how many
axes, their lengths as big-endian 32-bit integers, then the numbers, row by row. They are read
from a folder of the user or downloaded once. In any case the content must be that of MNIST, to
the byte; how it is compressed does not matter.

Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86, 2278 (1998).
"""

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from lossatlas.data.dataset import Dataset
from lossatlas.errors import BadInputError

VARIABLE = "LOSSATLAS_MNIST"
"""Environment variable: the folder of the four files."""
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SIDE = 28
FEATURES = tuple(f"r{row}c{column}" for row in range(SIDE) for column in range(SIDE))
CLASSES = tuple(str(digit) for digit in range(10))
Pixels = Literal["unit", "raw"]
"""``unit``: 0 to 1, black to white. ``raw``: 0 to 255."""


class MNISTFile(NamedTuple):
    """What is known of one of the files.

    Attributes:
        name: without ``.gz``.
        shape: of its array.
        sha256: of the content, not compressed.
        md5: of the compressed file that the mirrors have.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str
    md5: str


TRAIN_IMAGES = MNISTFile(
    "train-images-idx3-ubyte",
    (60000, SIDE, SIDE),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
)
TRAIN_LABELS = MNISTFile(
    "train-labels-idx1-ubyte",
    (60000,),
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "d53e105ee54ea40749a09fcbcd1e9432",
)
TEST_IMAGES = MNISTFile(
    "t10k-images-idx3-ubyte",
    (10000, SIDE, SIDE),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "9fb629c4189551a2d022fa330f9573f3",
)
TEST_LABELS = MNISTFile(
    "t10k-labels-idx1-ubyte",
    (10000,),
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "ec29112dd5afa0611ce80d1b7f02629c",
)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures as they are stored, a byte a pixel; only the rows in use become numbers.

    Attributes:
        bytes: (N, 784), row by row of the picture.
        labels: (N,) the digits.
        name: used in messages.
        pixels: the unit of the inputs that `subset` makes.
    """

    bytes: UInt8[np.ndarray, "N 784"]
    labels: UInt8[np.ndarray, " N"]
    name: str
    pixels: Pixels

    def __len__(self) -> int:
        """How many there are."""
        return len(self.labels)

    def subset(self, rows: Int[np.ndarray, " M"]) -> Dataset:
        """The given rows as a `Dataset`."""
        inputs = self.bytes[rows] / (255.0 if self.pixels == "unit" else 1.0)
        return Dataset(inputs, self.labels[rows], CLASSES, self.name, FEATURES)


class MNISTPools(NamedTuple):
    """The division of MNIST itself, for `split_pools`."""

    train: Pictures
    test: Pictures


def load_mnist(path: str | Path | None = None, pixels: Pixels = "unit") -> MNISTPools:
    """All of MNIST, checked.

    Args:
        path: folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each as it is or with
            ``.gz``. Else the folder that the environment variable ``LOSSATLAS_MNIST`` names. Else
            the user's cache, into which they are downloaded the first time.
        pixels: the unit of the inputs, ``"unit"`` for 0 to 1 or ``"raw"`` for 0 to 255.

    Raises:
        BadInputError: for a file that is missing, cut short or not that of MNIST, or if the files
            are nowhere and cannot be downloaded.

    Example:
        >>> pools = load_mnist("mnist")                      # doctest: +SKIP
        >>> len(pools.train), len(pools.test)                # doctest: +SKIP
        (60000, 10000)
    """
    chosen = path or os.environ.get(VARIABLE)
    find = _found_in(Path(chosen).expanduser()) if chosen else _downloaded
    # The small files first: what is wrong with the folder shows at once.
    files = TEST_LABELS, TRAIN_LABELS, TEST_IMAGES, TRAIN_IMAGES
    paths = {file: find(file) for file in files}
    arrays = {file: _checked(file, paths[file]) for file in files}

    def pictures(images: MNISTFile, labels: MNISTFile, name: str) -> Pictures:
        return Pictures(arrays[images].reshape(-1, SIDE * SIDE), arrays[labels], name, pixels)

    return MNISTPools(
        pictures(TRAIN_IMAGES, TRAIN_LABELS, "MNIST training images"),
        pictures(TEST_IMAGES, TEST_LABELS, "MNIST testing images"),
    )


def read_idx(content: bytes, name: str) -> UInt8[np.ndarray, "..."]:
    """The array of an IDX file of bytes.

    Args:
        content: of the file, not compressed.
        name: used in messages.

    Raises:
        BadInputError: if it is none, or its length is not what its header says.

    Example:
        >>> read_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9]), "tiny")
        array([[7, 9]], dtype=uint8)
    """
    if content[:3] != b"\x00\x00\x08" or len(content) < 4:
        problem = f"is no IDX file of bytes (it begins with {content[:4].hex(' ') or 'nothing'})"
        raise BadInputError(name, problem, "give the file of MNIST")
    header = 4 + 4 * content[3]
    whole = len(content) >= header
    shape = tuple(np.frombuffer(content[4:header], ">u4").tolist()) if whole else ()
    if not whole or len(content) != header + math.prod(shape):
        problem = f"its {len(content)} bytes are not the array that its first ones promise"
        raise BadInputError(name, problem, "copy the file again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _checked(file: MNISTFile, path: Path) -> np.ndarray:
    """The array of a file whose content is that of MNIST."""
    content = _content(path)
    array = read_idx(content, str(path))
    if array.shape != file.shape:
        problem = f"holds an array of shape {array.shape}, that of MNIST has {file.shape}"
        raise BadInputError(str(path), problem, "give the file of MNIST")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        problem = f"is not the file of MNIST (SHA-256 {digest}, not {file.sha256})"
        raise BadInputError(str(path), problem, 'copy it again; other data: source = "file"')
    return array


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInputError(str(path), f"is damaged ({error})", "copy the file again") from error
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the file") from error


def _found_in(folder: Path) -> Callable[[MNISTFile], Path]:
    def find(file: MNISTFile) -> Path:
        for path in (folder / file.name, folder / f"{file.name}.gz"):
            if path.exists():
                return path
        problem = f"there is no {file.name} or {file.name}.gz in it"
        raise BadInputError(str(folder), problem, "give the folder of the four files of MNIST")

    return find


def _downloaded(file: MNISTFile) -> Path:
    """The file in the user's cache, downloaded if it is not there yet."""
    # Imported here: nothing else needs them, and they take a quarter of a second to load.
    import platformdirs
    import pooch

    folder = platformdirs.user_cache_path("lossatlas", appauthor=False) / "mnist"
    name, known_hash = f"{file.name}.gz", f"md5:{file.md5}"
    pooch.get_logger().setLevel("WARNING")
    problems = []
    for mirror in MIRRORS:
        try:
            return Path(pooch.retrieve(mirror + name, known_hash, name, folder))
        except OSError as error:  # its text is of no use: the parts of a connection
            problems.append(f"{type(error).__name__} at {mirror}")
        except ValueError as error:  # another sum
            problems.append(str(error))
    raise BadInputError(
        f"MNIST, {name}",
        f"it cannot be downloaded to {folder} ({'; '.join(problems)})",
        f"give the folder of the four files as path in [data], or set {VARIABLE} to it",
    )
