"""Contract tests: rules with names, which are all tried, and one message about the broken ones."""

from collections.abc import Callable, Mapping, Sequence

from lossatlas.errors import BadInputError


def require(holds: object, problem: str) -> None:
    """Require that a condition holds, as `assert` does, but also under ``python -O``.

    Args:
        holds: the condition.
        problem: what is wrong if it does not hold.

    Raises:
        AssertionError: if the condition does not hold, with the problem as its message.
    """
    if not holds:
        raise AssertionError(problem)


def try_rules(
    subject: str, rules: Mapping[str, Callable[[], None]], without: Sequence[str] = ()
) -> None:
    """Try all rules, even those after a broken one.

    Args:
        subject: what is tested, for the message.
        rules: functions that raise an exception if their rule is broken, by name.
        without: names of rules that are left out; default none.

    Raises:
        AssertionError: if rules are broken; the message lists them, each with its problem.
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
    """The problem that a rule finds, which may be any exception of the tested code; else empty."""
    try:
        rule()
    except AssertionError as error:
        return str(error) or "an assertion of its own failed"
    except Exception as error:
        return f"it raises {type(error).__name__}: {error}"
    return ""
