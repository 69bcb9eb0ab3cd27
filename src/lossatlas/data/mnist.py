"""MNIST: 28 x 28 images of handwritten digits, 60,000 for training and 10,000 for testing.

The four files are in the IDX format (see `lossatlas.data.idx`). They are read from a folder of the
user, or downloaded once. In both cases their content is compared with that of MNIST by a checksum,
whether or not the files are compressed.

Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86, 2278 (1998).
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lossatlas.data.idx import (
    PicturePools,
    Pictures,
    Pixels,
    file_content,
    find_file,
    pixel_names,
    read_idx,
)
from lossatlas.errors import BadInputError

VARIABLE = "LOSSATLAS_MNIST"
"""Environment variable with the path of the folder of the four files."""
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SIDE = 28
FEATURES = pixel_names((SIDE, SIDE))
CLASSES = tuple(str(digit) for digit in range(10))


class MNISTFile(NamedTuple):
    """Name, shape and checksums of one of the four files.

    Attributes:
        name: name of the file, without ``.gz``.
        shape: shape of its array.
        sha256: SHA-256 hash of its content, not compressed.
        md5: MD5 hash of the compressed file on the mirrors.
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


def load_mnist(path: str | Path | None = None, pixels: Pixels = "unit") -> PicturePools:
    """Load all images of MNIST, and make sure that the files are those of MNIST.

    Args:
        path: folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each with or without ``.gz``,
            and with a dash or a dot before ``idx``. By default it is the folder that the
            environment variable ``LOSSATLAS_MNIST`` names. If that is not set either, the files are
            taken from the user's cache, into which they are downloaded the first time.
        pixels: the unit of the inputs, ``"unit"`` (the default) for 0 to 1 or ``"raw"`` for 0 to
            255.

    Returns:
        The 60,000 images for training and the 10,000 images for testing.

    Raises:
        BadInputError: a file is missing, incomplete or not that of MNIST, or the files cannot be
            downloaded.

    Examples:
        >>> pools = load_mnist("mnist")                      # doctest: +SKIP
        >>> len(pools.train), len(pools.test)                # doctest: +SKIP
        (60000, 10000)
    """
    chosen = path or os.environ.get(VARIABLE)
    find = _found_in(Path(chosen).expanduser()) if chosen else _downloaded
    # The small files are read first, so that a wrong folder is reported at once.
    files = TEST_LABELS, TRAIN_LABELS, TEST_IMAGES, TRAIN_IMAGES
    paths = {file: find(file) for file in files}
    arrays = {file: _checked(file, paths[file]) for file in files}

    def pictures(images: MNISTFile, labels: MNISTFile, name: str) -> Pictures:
        rows, numbers = arrays[images].reshape(-1, SIDE * SIDE), arrays[labels].astype(np.int64)
        return Pictures(rows, numbers, name, pixels, CLASSES, FEATURES)

    return PicturePools(
        pictures(TRAIN_IMAGES, TRAIN_LABELS, "MNIST training images"),
        pictures(TEST_IMAGES, TEST_LABELS, "MNIST testing images"),
    )


def _checked(file: MNISTFile, path: Path) -> np.ndarray:
    """Read the array of a file, and make sure that its content is that of MNIST."""
    content = file_content(path)
    array = read_idx(content, str(path))
    if array.shape != file.shape:
        problem = f"holds an array of shape {array.shape}, that of MNIST has {file.shape}"
        raise BadInputError(str(path), problem, "give the file of MNIST")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        problem = f"is not the file of MNIST (SHA-256 {digest}, not {file.sha256})"
        raise BadInputError(str(path), problem, 'copy it again; other pictures: source = "idx"')
    return array


def _found_in(folder: Path) -> Callable[[MNISTFile], Path]:
    remedy = "give the folder of the four files of MNIST"
    return lambda file: find_file(folder, [file.name], lambda: remedy)


def _downloaded(file: MNISTFile) -> Path:
    """The path of a file in the user's cache, after it was downloaded if necessary."""
    # Imported here, because they take a quarter of a second to load and nothing else needs them.
    import platformdirs
    import pooch

    folder = platformdirs.user_cache_path("lossatlas", appauthor=False) / "mnist"
    name, known_hash = f"{file.name}.gz", f"md5:{file.md5}"
    pooch.get_logger().setLevel("WARNING")
    problems = []
    for mirror in MIRRORS:
        try:
            return Path(pooch.retrieve(mirror + name, known_hash, name, folder))
        except OSError as error:  # Its text only lists the parts of the connection.
            problems.append(f"{type(error).__name__} at {mirror}")
        except ValueError as error:  # The checksum of the file is another one.
            problems.append(str(error))
    raise BadInputError(
        f"MNIST, {name}",
        f"it cannot be downloaded to {folder} ({'; '.join(problems)})",
        f"give the folder of the four files as path in [data], or set {VARIABLE} to it",
    )
