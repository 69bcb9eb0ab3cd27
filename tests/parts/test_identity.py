"""What a fingerprint says of a part: nothing of one that is built in, values of all others."""

import dataclasses

import jax.numpy as jnp
import pytest

from lossatlas.parts import find_activation, find_loss
from lossatlas.parts.centered import centered
from lossatlas.parts.identity import built_in, identity
from lossatlas.parts.loss_of_item import loss_of_item
from lossatlas.parts.registry import ACTIVATIONS, LOSSES

BUILT_IN = [
    *(find_activation(name, 0.2 if name == "relu" else None) for name in ACTIVATIONS),
    *(find_loss(name) for name in LOSSES),
    find_loss("smooth-auc", 3.0),
    centered(find_activation("sigmoid")),
]


@pytest.mark.parametrize("part", BUILT_IN, ids=lambda part: part.name)
def test_parts_that_are_built_in_are_known_by_their_names(part):
    assert built_in(part)
    assert identity(part) == ""


@pytest.mark.parametrize("part", BUILT_IN, ids=lambda part: part.name)
def test_other_parts_that_take_their_names_are_not(part):
    def other(*arguments):
        return 2.0 * part.value(*arguments)

    def nearly(*arguments):
        return (1.0 + 1e-15) * other(*arguments)

    changed, same = (dataclasses.replace(part, value=value) for value in (other, nearly))
    assert not built_in(changed)
    assert identity(changed, 2).startswith(", values ")
    assert identity(changed, 2) == identity(same, 2)  # another machine
    assert identity(changed, 2) != identity(dataclasses.replace(part, name="mine"), 2)


def absolute_logarithm(outputs, target):
    """Not a number where the target is negative."""
    return (outputs - jnp.log(target)).sum()


def second_output(outputs, target):
    return (outputs[1] - target[1]) ** 2


def test_values_that_are_not_finite_and_losses_of_some_outputs_have_an_identity():
    found = {
        identity(loss_of_item(function, "mine", kind), 2)
        for function in (absolute_logarithm, second_output)
        for kind in ("numbers", "classes")
    }
    assert len(found) == 4
