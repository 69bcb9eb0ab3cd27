"""Networks as arrays by name, in files: ``.npz`` and safetensors.

The arrays are those of a torch `Sequential` of linear layers and activations between them, so that
its ``load_state_dict`` takes them: ``0.weight`` (receiving, sending), ``0.bias``, ``2.weight``, ...
Inputs are those of the atlas: scaled, if the study scales them.

Layers are read in the order of the arrays, as ``state_dict`` and ``.npz`` keep it. Layers whose
names differ by numbers alone are put in the order of the numbers. A file of safetensors keeps no
order: layers of other names in it must fit together in one order only.
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
"""Suffixes of files that can be written; ``.pt`` and ``.pth`` are read too."""


def named_arrays(layers: list[Layer]) -> dict[str, np.ndarray]:
    """The arrays of layers by their names in a torch `Sequential`.

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
    """The layers of arrays by name: pairs of ``....weight`` and ``....bias``, in their order.

    Args:
        arrays: by name. Names that differ by numbers alone are put in the order of the numbers.
        where: what they are, for messages.
        widths: of the network, inputs first, if it is known.
        ordered: whether the order of the arrays means anything. If not, and names do not differ by
            numbers alone, it is the one order in which the layers fit together.

    Raises:
        BadInputError: if there are other arrays, or a pair is not complete; if there is no order,
            and the layers fit together in several or none.
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
    """The layers in the one order in which each takes what the one before gives."""
    shapes = {name: matrix.shape for name, (matrix, _) in layers.items()}
    alike = len(set(shapes.values())) < len(shapes)  # two of one shape can always change places
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
    """Write layers to a new file, ``.npz`` or ``.safetensors``.

    Raises:
        BadInputError: for another suffix, a file that is there, or a library that is not.
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
    """Read layers from a file: ``.npz``, ``.safetensors``, or a torch state (``.pt``, ``.pth``).

    A torch file is read as weights alone: no code of it is run.

    Args:
        path: of the file.
        widths: those of `layers_of_arrays`.

    Raises:
        BadInputError: for a file that is missing or none of these, and as `layers_of_arrays`.
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
    except Exception as error:  # of many kinds, depending on what the file is instead
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
    """Numbers in a name as numbers: layer 10 comes after layer 8."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
