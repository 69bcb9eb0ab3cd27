"""Ranges of numeric options, which are checked while the command line is read.

A message names the option, the value and what is allowed, before any file is opened. The ranges of
typer are not enough, since they accept not-a-number, and infinity if a range has an open end.
"""

import math
from collections.abc import Callable
from typing import Any

import typer

from lossatlas.cli.arguments import BAD_INPUT
from lossatlas.errors import BadInputError

Check = Callable[[typer.CallbackParam, Any], Any]
"""A callback of an option, which returns the value or ends the program with a message."""

MOST_DRAWS = 10_000
"""Largest number of draws of a study, which bounds the time that it takes."""


def any_number(example: str) -> Check:
    """A check of an option that takes any number, including infinity, but not not-a-number.

    Args:
        example: a value that is allowed, for the message.
    """
    return checked(lambda value: not math.isnan(value), "a number", example)


def positive(example: str) -> Check:
    """A check of an option that takes a finite number above 0.

    Args:
        example: a value that is allowed, for the message.
    """
    return checked(lambda value: 0 < value < math.inf, "positive and finite", example)


def not_negative(example: str) -> Check:
    """A check of an option that takes a finite number, 0 or more.

    Args:
        example: a value that is allowed, for the message.
    """
    return checked(lambda value: 0 <= value < math.inf, "finite and 0 or more", example)


def checked(allowed: Callable[[Any], bool], words: str, example: str) -> Check:
    """A check of an option that takes only some values.

    Args:
        allowed: function that tells whether a value is allowed.
        words: description of the allowed values, for the message.
        example: an allowed value, for the message.
    """

    def check(option: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not allowed(value):
            problem = f"{value} is not {words}"
            error = BadInputError(option.opts[0], problem, f"use e.g. {example}")
            typer.echo(f"lossatlas: {error}", err=True)
            raise typer.Exit(BAD_INPUT)
        return value

    return check
