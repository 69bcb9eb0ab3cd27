"""Ranges of numeric options, checked while the command line is read.

A message names the option, the value and what is allowed, before any file is opened. The ranges of
typer itself let not-a-number pass, and infinity where a range is open.
"""

import math
from collections.abc import Callable
from typing import Any

import typer

from lossatlas.cli.arguments import BAD_INPUT
from lossatlas.errors import BadInputError

Check = Callable[[typer.CallbackParam, Any], Any]
"""A callback of an option, which returns the value or ends the program with a message."""

MOST_LANES = 1_000_000
"""More searches at once fit into no memory."""


def any_number(example: str) -> Check:
    """A check of an option that takes any number, also an infinite one, but no not-a-number.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: not math.isnan(value), "a number", example)


def positive(example: str) -> Check:
    """A check of an option that takes a finite number above 0.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: 0 < value < math.inf, "positive and finite", example)


def not_negative(example: str) -> Check:
    """A check of an option that takes a finite number, 0 or more.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: 0 <= value < math.inf, "finite and 0 or more", example)


def between_0_and_1(example: str) -> Check:
    """A check of an option that takes a number between 0 and 1, but neither of them.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: 0 < value < 1, "between 0 and 1, without these two", example)


def from_0_to_1(example: str) -> Check:
    """A check of an option that takes a number from 0 to 1.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: 0 <= value <= 1, "from 0 to 1", example)


def count(example: str, most: float = math.inf) -> Check:
    """A check of an option that takes a whole number, 1 or more.

    Args:
        example: a value that is allowed, for the message.
        most: the largest that is allowed.
    """
    words = "1 or more" if most == math.inf else f"from 1 to {most:,}"
    return _check(lambda value: 1 <= value <= most, words, example)


def _check(allowed: Callable[[float], bool], words: str, example: str) -> Check:
    def check(option: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not allowed(value):
            problem = f"{value} is not {words}"
            error = BadInputError(option.opts[0], problem, f"use e.g. {example}")
            typer.echo(f"lossatlas: {error}", err=True)
            raise typer.Exit(BAD_INPUT)
        return value

    return check
