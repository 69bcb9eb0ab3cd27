"""IDX files: every folder of this kind is read, whatever its names, and others are refused."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from lossatlas.data import load_idx, split_pools
from lossatlas.data.idx import PicturePools, read_idx
from lossatlas.errors import BadInputError

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(array: np.ndarray) -> bytes:
    """An array as an IDX file."""
    lengths = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


def arrays(shape: tuple[int, ...] = (3, 2), first: int = 0) -> list[np.ndarray]:
    """Pictures and labels of 6 + 4 items of three classes."""
    random = np.random.default_rng(4)
    images = [random.integers(0, 256, (count, *shape)) for count in (6, 4)]
    labels = [np.arange(count) % 3 + first for count in (6, 4)]
    return [images[0], labels[0], images[1], labels[1]]


def write(folder: Path, contents: list[np.ndarray], name: Callable[[str], str] = str) -> Path:
    for stem, array in zip(NAMES, contents, strict=True):
        file = folder / name(f"{stem}-ubyte")
        file.write_bytes(gzip.compress(idx(array)) if file.suffix == ".gz" else idx(array))
    return folder


def same(pools: PicturePools, contents: list[np.ndarray]) -> bool:
    images = [contents[0].reshape(6, -1), contents[2].reshape(4, -1)]
    kept = [pool.subset(np.arange(len(pool))).inputs for pool in pools]
    return all(np.array_equal(a, b / 255) for a, b in zip(kept, images, strict=True))


SPELLINGS: dict[str, tuple[str, Callable[[str], str]]] = {
    "as MNIST": ("", str),
    "compressed": ("", lambda name: f"{name}.gz"),
    "with a dot": ("", lambda name: name.replace("-idx", ".idx")),
    "with a dot, compressed": ("", lambda name: name.replace("-idx", ".idx") + ".gz"),
    "EMNIST": ("emnist-letters", lambda name: f"emnist-letters-{name}.gz".replace("t10k", "test")),
    "prefix with its dash": ("emnist-digits-", lambda name: f"emnist-digits-{name}"),
    "prefix with a line": ("kuzushiji_", lambda name: f"kuzushiji_{name}"),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_files_are_found_by_the_names_in_use(tmp_path: Path, case: str):
    prefix, name = SPELLINGS[case]
    contents = arrays()
    assert same(load_idx(write(tmp_path, contents, name), prefix), contents)


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (5,), (2, 3, 3), (32, 16)])
def test_pictures_may_have_any_size(tmp_path: Path, shape: tuple[int, ...]):
    contents = arrays(shape)
    pools = load_idx(write(tmp_path, contents))
    assert same(pools, contents)
    size = int(np.prod(shape))
    assert len(set(pools.train.features)) == size
    raw = load_idx(tmp_path, pixels="raw").test.subset(np.array([2, 0]))
    np.testing.assert_array_equal(raw.inputs, contents[2].reshape(4, -1)[[2, 0]])


def test_labels_are_numbered_and_keep_their_names(tmp_path: Path):
    contents = arrays(first=1)  # as EMNIST's letters, 1 to 26
    contents[3] = np.array([1, 2, 7, 2])
    pools = load_idx(write(tmp_path, contents))
    assert pools.train.classes == pools.test.classes == ("1", "2", "3", "7")
    assert pools.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert pools.test.labels.tolist() == [0, 1, 3, 1]


def test_the_halves_stay_apart(tmp_path: Path):
    pools = load_idx(write(tmp_path, arrays()))
    train, test = split_pools(pools, 5, 3, seed=1, mode="stratified")
    assert {row.tobytes() for row in train.inputs} <= {
        row.tobytes() for row in pools.train.subset(np.arange(6)).inputs
    }
    assert sorted(test.labels) == [0, 1, 2]


def test_a_folder_of_the_same_name_is_passed_over(tmp_path: Path):
    contents = arrays()
    write(tmp_path, contents, lambda name: name.replace("-idx", ".idx"))
    for stem in NAMES:
        (tmp_path / f"{stem}-ubyte").mkdir()
    assert same(load_idx(tmp_path), contents)


def changed(position: int, array: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: (
        write(folder, [array if k == position else a for k, a in enumerate(arrays())]) and None
    )


def rewritten(position: int, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        file = folder / f"{NAMES[position]}-ubyte"
        file.write_bytes(change(file.read_bytes()))

    return harm


def renamed(position: int, name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / f"{NAMES[position]}-ubyte").rename(folder / name)


def packed_and_cut(folder: Path) -> None:
    file = folder / "t10k-labels-idx1-ubyte"
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    file.unlink()


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda folder: (folder / "train-images-idx3-ubyte").unlink(),
        r"there is no train-images-idx3-ubyte or train-images-idx3-ubyte\.gz in it",
    ),
    "cut": (rewritten(0, lambda c: c[:-1]), "its 51 bytes do not fit the array"),
    "too long": (rewritten(2, lambda c: c + b"x"), "do not fit the array"),
    "empty": (rewritten(1, lambda c: b""), "begins with nothing"),
    "of another kind": (rewritten(1, lambda c: b"\x89PNG" + c), "is no IDX file .* 89 50 4e 47"),
    "of ints": (rewritten(1, lambda c: c[:2] + b"\x0c" + c[3:]), "its numbers are ints; convert"),
    "compressed": (rewritten(1, gzip.compress), r"is compressed; let its name end in \.gz"),
    "not compressed": (renamed(3, "t10k-labels-idx1-ubyte.gz"), r"damaged .* take \.gz off"),
    "compressed and cut": (packed_and_cut, r"t10k-labels-idx1-ubyte\.gz: is damaged .*copy"),
    "labels as images": (changed(0, np.arange(6)), r"shape \(6,\), not pictures"),
    "images as labels": (changed(3, np.zeros((4, 2, 2))), "not one label a picture"),
    "fewer labels": (changed(1, np.arange(5) % 3), "holds 5 labels, .*images.* 6 pictures"),
    "other size": (changed(2, np.zeros((4, 5, 5))), "are 5 x 5, the training pictures 3 x 2"),
    "no pixels": (changed(0, np.zeros((6, 0, 2))), "at least one picture of one pixel"),
}


@pytest.mark.parametrize("case", HARMS)
def test_messages_name_the_file_and_what_is_wrong(tmp_path: Path, case: str):
    harm, message = HARMS[case]
    write(tmp_path, arrays())
    harm(tmp_path)
    with pytest.raises(BadInputError, match=message) as caught:
        load_idx(tmp_path)
    assert caught.value.where.startswith(str(tmp_path))


def test_one_class_is_refused(tmp_path: Path):
    contents = arrays()
    contents[1], contents[3] = np.full(6, 7), np.full(4, 7)
    with pytest.raises(BadInputError, match=r"only one class \(7\)"):
        load_idx(write(tmp_path, contents))


def test_where_the_files_are_is_said(tmp_path: Path):
    with pytest.raises(BadInputError, match="named as those of MNIST"):
        load_idx(tmp_path)
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    write(tmp_path / "MNIST" / "raw", arrays())
    with pytest.raises(BadInputError, match=r"such files are in .*MNIST.raw"):
        load_idx(tmp_path)
    (tmp_path / "gzip").mkdir()
    write(tmp_path / "gzip", arrays(), lambda name: f"emnist-letters-{name}.gz")
    with pytest.raises(BadInputError, match=r"such files are in .*(MNIST.raw|gzip)"):
        load_idx(tmp_path)
    write(tmp_path, arrays(), lambda name: f"emnist-letters-{name}.gz")
    write(tmp_path, arrays(), lambda name: f"emnist-digits-{name}.gz")
    for prefix in ("", "emnist"):
        with pytest.raises(BadInputError, match="prefix 'emnist-digits' or 'emnist-letters'"):
            load_idx(tmp_path, prefix)
    with pytest.raises(BadInputError, match="check the path"):
        load_idx(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="give the path of a folder"):
        load_idx(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz")


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=6)))
def test_what_was_written_is_read(array):
    np.testing.assert_array_equal(read_idx(idx(array), "x"), array)


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=4)), st.data())
def test_a_file_of_another_length_is_refused(array, data):
    content = idx(array)
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    for broken in (cut, content + b"\x00"):
        with pytest.raises(BadInputError, match=r"do not fit the array|is no IDX file"):
            read_idx(broken, "x")


@pytest.mark.parametrize("magic", [b"", b"\x00\x00\x0d\x01", b"PK\x03\x04", b"\x1f\x8b\x08\x00"])
def test_other_files_are_refused(magic):
    with pytest.raises(BadInputError, match="is no IDX file of bytes"):
        read_idx(magic + bytes(20 if magic else 0), "x")
