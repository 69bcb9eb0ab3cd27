"""Ranges of numeric options, checked while the command line is read.

A message names the option, the value and what is allowed, before any file is opened. The ranges of
typer itself let not-a-number pass, and infinity where a range is open.
"""

import math
from collections.abc import Callable

import typer

Check = Callable[[float | None], float | None]

MOST_LANES = 1_000_000
"""More searches at once fit into no memory."""
MOST_DRAWS = 10_000
"""More draws of a study nobody waits for."""


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
    return _check(lambda value: 0 < value < math.inf, "a finite number above 0", example)


def not_negative(example: str) -> Check:
    """A check of an option that takes a finite number, 0 or more.

    Args:
        example: a value that is allowed, for the message.
    """
    return _check(lambda value: 0 <= value < math.inf, "a finite number, 0 or more", example)


def between_0_and_1(example: str, *, ends: bool) -> Check:
    """A check of an option that takes a number between 0 and 1.

    Args:
        example: a value that is allowed, for the message.
        ends: whether 0 and 1 are allowed themselves.
    """
    if ends:
        return _check(lambda value: 0 <= value <= 1, "a number from 0 to 1", example)
    return _check(lambda value: 0 < value < 1, "a number above 0 and below 1", example)


def _check(allowed: Callable[[float], bool], words: str, example: str) -> Check:
    def check(value: float | None) -> float | None:
        if value is not None and not allowed(value):
            raise typer.BadParameter(f"{value:g} is not {words}; use e.g. {example}")
        return value

    return check
