"""Contract tests: named rules, all of them tried, and one message about those that are broken."""

from collections.abc import Callable, Mapping, Sequence

from lossatlas.errors import BadInputError


def require(holds: object, problem: str) -> None:
    """Say that a rule is broken.

    Raises:
        AssertionError: with the problem, unless it holds. (A plain `assert` says nothing under
            ``python -O``.)
    """
    if not holds:
        raise AssertionError(problem)


def try_rules(
    subject: str, rules: Mapping[str, Callable[[], None]], without: Sequence[str] = ()
) -> None:
    """Try every rule, also those after a broken one.

    Args:
        subject: what is tested, for the message.
        rules: functions that raise an exception where their rule is broken, by name.
        without: names of rules that are left out.

    Raises:
        AssertionError: lists the broken rules, each with its problem.
        BadInputError: if `without` has a name that no rule has.

    Examples:
        >>> try_rules("this", {"sums": lambda: require(1 + 1 == 3, "1 + 1 is not 3")})
        Traceback (most recent call last):
        ...
        AssertionError: this breaks 1 of 1 rules:
          sums: 1 + 1 is not 3
    """
    unknown = sorted(set(without) - set(rules))
    if unknown:
        remedy = f"use some of {', '.join(rules)}"
        raise BadInputError("without", f"there is no rule {unknown[0]!r}", remedy)
    tried = {name: rule for name, rule in rules.items() if name not in without}
    problems = [f"  {name}: {text}" for name, rule in tried.items() if (text := _problem(rule))]
    if problems:
        head = f"{subject} breaks {len(problems)} of {len(tried)} rules:"
        raise AssertionError("\n".join([head, *problems]))


def _problem(rule: Callable[[], None]) -> str:
    """What is broken, empty if nothing is. Whatever the tested code raises is one too."""
    try:
        rule()
    except AssertionError as error:
        return str(error) or "an assertion of its own failed"
    except Exception as error:
        return f"it raises {type(error).__name__}: {error}"
    return ""
