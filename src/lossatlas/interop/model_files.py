"""Networks in files, as arrays with names: ``.npz`` and safetensors.

The arrays are those of a torch `Sequential` of linear layers with activations between them, so that
its ``load_state_dict`` takes them: ``0.weight`` (receiving, sending), ``0.bias``, ``2.weight``, ...
The inputs of the network are those of the atlas, which are scaled if the study scales them.

Layers are read in the order of the arrays, which ``state_dict`` and ``.npz`` keep. Layers whose
names differ only by numbers are put in the order of the numbers. A file of safetensors keeps no
order, so layers with other names in it must fit together in one order only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.landscape.plain_weights import Layer
from lossatlas.optional import optional

SUFFIXES = (".npz", ".safetensors")
"""Suffixes of files that can be written; ``.pt`` and ``.pth`` can only be read."""


def named_arrays(layers: list[Layer]) -> dict[str, np.ndarray]:
    """The arrays of layers, by their names in a torch `Sequential`.

    Args:
        layers: for each layer its matrix (receiving, sending) and its biases (receiving,).

    Examples:
        >>> sorted(named_arrays([(np.ones((3, 2)), np.ones(3)), (np.ones((1, 3)), np.ones(1))]))
        ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    pairs = ((f"{2 * number}", layer) for number, layer in enumerate(layers))
    return {
        f"{name}.{kind}": np.ascontiguousarray(array)
        for name, layer in pairs
        for kind, array in zip(("weight", "bias"), layer, strict=True)
    }


def layers_of_arrays(
    arrays: Mapping[str, Any],
    where: str,
    *,
    widths: Sequence[int] | None = None,
    ordered: bool = True,
) -> list[Layer]:
    """Find the layers among arrays with names that end in ``.weight`` and ``.bias``.

    Args:
        arrays: the arrays by name. Names that differ only by numbers are put in the order of the
            numbers.
        where: where the arrays come from, for messages.
        widths: number of units of every layer of the network, inputs first; by default None, not
            known.
        ordered: whether the order of the arrays is that of the layers; default True. If it is not,
            and names do not differ only by numbers, the layers must fit together in one order only.

    Returns:
        For each layer its matrix (receiving, sending) and its biases (receiving,).

    Raises:
        BadInputError: if there are other arrays, a layer lacks its matrix or its biases or their
            shapes do not match, or layers without an order fit together in several ways or in none.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        prefix, _, kind = name.rpartition(".")
        if kind not in ("weight", "bias"):
            remedy = "name the arrays 0.weight, 0.bias, 2.weight, ... as a torch Sequential does"
            raise BadInputError(where, f"it holds the array {name!r}", remedy)
        found.setdefault(prefix, {})[kind] = np.asarray(array, np.float64)
    layers = {}
    for prefix, pair in found.items():
        shapes = [pair[kind].shape for kind in pair]
        if len(pair) < 2 or pair["weight"].ndim != 2 or pair["bias"].shape != shapes[0][:1]:
            problem = f"layer {prefix!r} has arrays of shapes {shapes}"
            raise BadInputError(where, problem, "give a matrix and its biases for each layer")
        layers[prefix] = (pair["weight"], pair["bias"])
    if len({re.sub(r"\d+", "0", prefix) for prefix in layers}) <= 1:
        return [layers[prefix] for prefix in sorted(layers, key=_natural)]
    return list(layers.values()) if ordered else _fitting(layers, where, widths)


def _fitting(layers: dict[str, Layer], where: str, widths: Sequence[int] | None) -> list[Layer]:
    """The layers in the one order in which the outputs of each are the inputs of the next."""
    shapes = {name: matrix.shape for name, (matrix, _) in layers.items()}
    alike = len(set(shapes.values())) < len(shapes)  # layers of one shape can be exchanged
    orders = [] if alike else list(_orders(shapes))
    if widths is not None and len(orders) > 1:
        orders = [order for order in orders if _widths(shapes, order) == tuple(widths)]
    if len(orders) != 1:
        how = "in more than one order" if alike or orders else "in no order"
        problem = f"it keeps no order, and its layers {', '.join(layers)} fit together {how}"
        remedy = "number the layers as a torch Sequential does, or use .npz, which keeps the order"
        raise BadInputError(where, problem, remedy)
    return [layers[name] for name in orders[0]]


def _orders(
    shapes: Mapping[str, tuple[int, ...]], begun: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """All orders in which layers of these shapes (receiving, sending) fit together."""
    if len(begun) == len(shapes):
        yield begun
    for name, shape in shapes.items():
        if name not in begun and (not begun or shape[1] == shapes[begun[-1]][0]):
            yield from _orders(shapes, (*begun, name))


def _widths(shapes: Mapping[str, tuple[int, ...]], order: tuple[str, ...]) -> tuple[int, ...]:
    return (shapes[order[0]][1], *(shapes[name][0] for name in order))


def write_layers(path: str | Path, layers: list[Layer]) -> None:
    """Write the layers of a network to a new file, ``.npz`` or ``.safetensors``.

    Args:
        path: the file to be written; its suffix decides the format.
        layers: for each layer its matrix (receiving, sending) and its biases (receiving,).

    Raises:
        BadInputError: if the suffix is another one, the file exists, or the library safetensors is
            needed and not installed.

    Examples:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/network.npz"
        >>> write_layers(path, [(np.ones((3, 2)), np.ones(3)), (np.ones((1, 3)), np.ones(1))])
        >>> [matrix.shape for matrix, _ in read_layers(path)]
        [(3, 2), (1, 3)]
    """
    path = Path(path).expanduser()
    arrays = named_arrays(layers)
    if path.suffix not in SUFFIXES:
        remedy = f"use {' or '.join(SUFFIXES)}"
        raise BadInputError(str(path), f"unknown kind of file {path.suffix!r}", remedy)
    if path.exists():
        raise BadInputError(str(path), "exists already", "choose another name")
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    else:
        _safetensors().save_file(arrays, path)


def read_layers(path: str | Path, widths: Sequence[int] | None = None) -> list[Layer]:
    """Read the layers of a network from a file.

    The file is ``.npz``, ``.safetensors`` or a torch state (``.pt``, ``.pth``). Of a torch file
    only arrays are read; no code in it is run.

    Args:
        path: the file.
        widths: number of units of every layer of the network, inputs first; by default None, not
            known. They tell the order of the layers in a file of safetensors whose names do not.

    Returns:
        For each layer its matrix (receiving, sending) and its biases (receiving,).

    Raises:
        BadInputError: if the file does not exist, has another suffix or cannot be read, its library
            is not installed, or the arrays are not those of layers (see the module).

    Examples:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/network.npz"
        >>> np.savez(path, **{"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3)})
        >>> [(matrix.shape, biases.shape) for matrix, biases in read_layers(path)]
        [((3, 2), (3,))]
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise BadInputError(str(path), "no such file", "check the path")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays: Mapping[str, Any] = {name: archive[name] for name in archive.files}
        elif path.suffix == ".safetensors":
            arrays = _safetensors().load_file(path)
        elif path.suffix in (".pt", ".pth"):
            arrays = _torch_state(path)
        else:
            remedy = f"give {', '.join(SUFFIXES)}, .pt or .pth"
            raise BadInputError(str(path), f"unknown kind of file {path.suffix!r}", remedy)
    except BadInputError:
        raise
    except Exception as error:  # readers raise many kinds, depending on what the file really is
        problem = f"cannot be read ({type(error).__name__}: {str(error).splitlines()[0]})"
        raise BadInputError(str(path), problem, "write it again") from error
    ordered = path.suffix != ".safetensors"
    return layers_of_arrays(arrays, str(path), widths=widths, ordered=ordered)


def _torch_state(path: Path) -> dict[str, np.ndarray]:
    state = optional("torch", "lossatlas[torch]").load(path, map_location="cpu", weights_only=True)
    return {name: tensor.double().numpy() for name, tensor in state.items()}


def _safetensors() -> Any:
    return optional("safetensors.numpy", "safetensors")


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them, so that layer 10 comes after layer 8."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
