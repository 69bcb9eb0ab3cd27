"""MNIST: the real files give what is known of them, all others are refused."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from lossatlas.data import mnist, split_pools
from lossatlas.data.idx import PicturePools
from lossatlas.data.mnist import TEST_LABELS, VARIABLE, load_mnist
from lossatlas.errors import BadInputError

FILES = (mnist.TEST_LABELS, mnist.TRAIN_LABELS, mnist.TEST_IMAGES, mnist.TRAIN_IMAGES)


def idx(array: np.ndarray) -> bytes:
    """An array as an IDX file."""
    lengths = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def folder(shared) -> Path:
    """The folder of the real files."""
    if not (shared / "mnist").is_dir():
        pytest.skip("no MNIST there")
    return shared / "mnist"


@pytest.fixture(scope="session")
def pools(folder) -> PicturePools:
    return load_mnist(folder)


@pytest.fixture
def imitation(tmp_path: Path) -> Path:
    """A folder of four files of the right names and shapes, and of zeros."""
    for file in FILES:
        (tmp_path / file.name).write_bytes(idx(np.zeros(file.shape, np.uint8)))
    return tmp_path


def test_the_real_files(pools):
    assert [len(pool) for pool in pools] == [60000, 10000]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(pools.train.labels).tolist() == counts
    pixels = pools.train.bytes / 255
    assert pixels.mean() == pytest.approx(0.130660, abs=1e-6)
    assert pixels.std() == pytest.approx(0.308108, abs=1e-6)
    assert pools.test.bytes.mean() / 255 == pytest.approx(0.132515, abs=1e-6)


def test_rows_of_both_halves_become_numbers(folder, pools):
    train, test = split_pools(pools, 300, 200, seed=1)
    assert (train.inputs.shape, test.inputs.shape) == ((300, 784), (200, 784))
    assert (train.inputs.min(), train.inputs.max()) == (0.0, 1.0)
    assert train.classes == tuple("0123456789")
    raw = split_pools(load_mnist(folder, "raw"), 300, 200, seed=1)
    np.testing.assert_array_equal(raw.train.inputs, np.round(train.inputs * 255))
    originals = {row.tobytes() for row in pools.test.bytes}
    assert all(row.astype(np.uint8).tobytes() in originals for row in raw.test.inputs)


def test_in_order_the_first_rows_of_each_half(pools):
    train, test = split_pools(pools, 20, 10, seed=1, mode="ordered")
    np.testing.assert_array_equal(train.labels, pools.train.labels[:20])
    np.testing.assert_array_equal(test.labels, pools.test.labels[:10])
    # The first training picture is a 5, and its pixels do not touch the border.
    assert (train.labels[0], train.inputs[0].reshape(28, 28)[:, 0].sum()) == (5, 0.0)


def test_files_may_be_unpacked_and_be_named_by_the_environment(
    folder, pools, tmp_path, monkeypatch
):
    for file in FILES:
        content = gzip.decompress((folder / f"{file.name}.gz").read_bytes())
        (tmp_path / file.name).write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    np.testing.assert_array_equal(load_mnist().test.bytes, pools.test.bytes)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert len(load_mnist(tmp_path).train) == 60000  # the argument comes first


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def packed_and_cut_short(file: Path) -> None:
    content = gzip.compress(file.read_bytes())
    file.unlink()
    file.with_name(f"{file.name}.gz").write_bytes(content[:-20])


def not_packed(file: Path) -> None:
    file.rename(file.with_name(f"{file.name}.gz"))


def of_another_type(file: Path) -> None:
    file.write_bytes(b"\x00\x00\x0d\x01" + file.read_bytes()[4:])


def of_fewer_items(file: Path) -> None:
    file.write_bytes(idx(np.zeros(9999)))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "there is no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in it"),
        (cut_short, "its 10007 bytes do not fit the array"),
        (packed_and_cut_short, "is damaged"),
        (not_packed, "is damaged"),
        (of_another_type, "is no IDX file of bytes .it begins with 00 00 0d 01"),
        (of_fewer_items, r"shape \(9999,\), that of MNIST has \(10000,\)"),
        (a_folder, "cannot be read"),
        (lambda file: None, "is not the file of MNIST .SHA-256 [0-9a-f]{64}, not ff7bcfd4"),
    ],
)
def test_messages_name_the_file_and_what_is_wrong(imitation, harm: Callable[[Path], None], message):
    harm(imitation / TEST_LABELS.name)
    with pytest.raises(BadInputError, match=message) as caught:
        load_mnist(imitation)
    assert caught.value.where.startswith(str(imitation))


@pytest.mark.parametrize("end", ["", ".gz"])
def test_names_may_have_a_dot(folder, pools, tmp_path, end: str):
    for file in FILES:
        content = (folder / f"{file.name}.gz").read_bytes()
        name = file.name.replace("-idx", ".idx") + end
        (tmp_path / name).write_bytes(content if end else gzip.decompress(content))
    np.testing.assert_array_equal(load_mnist(tmp_path).test.labels, pools.test.labels)


def test_a_missing_file_is_missed_before_any_is_read(imitation):
    (imitation / mnist.TRAIN_IMAGES.name).unlink()
    with pytest.raises(BadInputError, match="there is no train-images"):
        load_mnist(imitation)


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Iterator[Path]:
    """A server on this machine as the last of two mirrors (the first is down), and its folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    served = tmp_path / "served"
    served.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_address[1]}/"
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", here))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.delenv(VARIABLE, raising=False)
    yield served
    server.shutdown()
    server.server_close()


def imitations() -> tuple[list[mnist.MNISTFile], dict[str, bytes]]:
    """Four small files, and what would be known of them if they were MNIST."""
    files, contents = [], {}
    for file in FILES:
        content = idx(np.arange(np.prod([3, *file.shape[1:]])).reshape(3, *file.shape[1:]) % 10)
        packed = gzip.compress(content)
        sums = hashlib.sha256(content).hexdigest(), hashlib.md5(packed).hexdigest()
        files.append(mnist.MNISTFile(file.name, (3, *file.shape[1:]), *sums))
        contents[f"{file.name}.gz"] = packed
    return files, contents


def test_files_are_downloaded_once(mirror, monkeypatch):
    files, contents = imitations()
    for file, name in zip(
        files, ("TEST_LABELS", "TRAIN_LABELS", "TEST_IMAGES", "TRAIN_IMAGES"), strict=True
    ):
        monkeypatch.setattr(mnist, name, file)
        (mirror / f"{file.name}.gz").write_bytes(contents[f"{file.name}.gz"])
    first = load_mnist()
    assert first.train.labels.tolist() == [0, 1, 2]
    for name in contents:
        (mirror / name).unlink()
    np.testing.assert_array_equal(load_mnist().test.bytes, first.test.bytes)


def test_what_is_downloaded_must_be_mnist(mirror):
    (mirror / f"{TEST_LABELS.name}.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(BadInputError, match="cannot be downloaded") as caught:
        load_mnist()
    assert "hash" in caught.value.problem
    assert VARIABLE in caught.value.remedy


def test_without_a_network(mirror, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    with pytest.raises(BadInputError, match="ConnectionError at http") as caught:
        load_mnist()
    assert VARIABLE in caught.value.remedy
