"""Names of earlier versions are refused with the new ones."""

import importlib

import pytest

import lossatlas
from lossatlas.old_names import NEW_NAMES, renamed_arguments


@pytest.mark.parametrize("name", NEW_NAMES)
def test_an_old_name_is_refused_with_the_new_one(name):
    assert name not in lossatlas.__all__
    assert not hasattr(lossatlas, name)
    with pytest.raises(AttributeError) as asked:
        getattr(lossatlas, name)
    with pytest.raises(ImportError) as imported:
        exec(f"from lossatlas import {name}")
    for error in (asked, imported):
        assert str(error.value) == f"lossatlas.{name} is not there any more: {NEW_NAMES[name]}"


def test_new_names_exist():
    """Whatever dotted name a message gives can be imported or is an attribute."""
    words = " ".join(NEW_NAMES.values()).replace(",", " ").replace("(", " ").split()
    named = {word for word in words if word.startswith("lossatlas.")}
    assert len(named) >= 4
    for name in named:
        package, _, last = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ImportError:
            assert hasattr(importlib.import_module(package), last), name
    for name in ("barrier", "tree", "of_pairs", "superbasins"):
        assert hasattr(lossatlas.Network, name)


def test_other_names_are_missing_as_ever():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = lossatlas.nonsense
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        from lossatlas import nonsense  # noqa: F401


def test_an_old_argument_is_refused_with_the_new_one():
    with pytest.raises(TypeError, match=r"verify\(\) has no argument 'ode' .* 'flow'"):
        lossatlas.verify(None, None, ode=True)  # type: ignore[call-arg]

    @renamed_arguments(old="new")
    def add(a: int, new: int = 0) -> int:
        return a + new

    assert add(1, new=2) == 3
