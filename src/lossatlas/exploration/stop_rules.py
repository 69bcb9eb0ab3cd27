"""The settings of an exploration: when it stops and how it is run.

Settings are given as `ExploreOptions` in Python, as the table [explore] of a study, and as options
of the command line. The latter two are made from the descriptions in this module, so that all three
refuse a bad value with the same message. Nothing here loads JAX.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lossatlas.exploration.tasks import Strategy

F = TypeVar("F", bound=Callable[..., Any])

DRAWS = 0.5
"""Part of the searches that are independent draws if the exploration has the stop rule `until`."""
DRAWS_BESIDE = 0.05
"""Part of the searches that are independent draws if one connected set is grown."""
AIMS = ("all", "connected")
"""What an exploration is to find: all points, or one large connected set of minima."""
LARGEST_SEED = 2**63 - 1
"""The largest seed that a database stores."""
MOST_SEARCHES = 1_000_000
"""Upper limit of the searches in flight; more would not fit into the memory of any machine."""
MOST_WORKERS = 10_000
"""Upper limit of the worker threads; no machine has more cores."""


@dataclass(frozen=True)
class Setting:
    """The description of one setting, from which values are checked and help texts are made.

    Args:
        kind: type of the value: float, int or str.
        allowed: the allowed values in words, for messages.
        meaning: what the setting does, in one sentence for help texts.
        example: an allowed value that a message suggests.
        above: a number must be larger than this; None, the default, for no such bound.
        least: a number must be at least this; None, the default, for no such bound.
        below: a number must be smaller than this; None, the default, for no such bound.
        most: a number must be at most this; None, the default, for no such bound.
        choices: the allowed words of a setting of kind str.
    """

    kind: type
    allowed: str
    meaning: str
    example: float | str
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def allows(self, value: Any) -> bool:
        """Say whether a value is allowed. Numbers may be of Python or of NumPy."""
        if self.kind is str:
            return isinstance(value, str) and value in self.choices
        if isinstance(value, bool) or not isinstance(value, Integral if self.kind is int else Real):
            return False
        number: Any = self.kind(value)  # type: ignore[arg-type]
        return (
            abs(number) < math.inf
            and (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.below is None or number < self.below)
            and (self.most is None or number <= self.most)
        )

    @property
    def shown_example(self) -> str:
        """The example as it would be typed.

        Examples:
            >>> SETTINGS["until"].shown_example, SETTINGS["aim"].shown_example
            ('0.99', 'connected')
        """
        return self.example if isinstance(self.example, str) else f"{self.example:g}"

    def check(self, where: str, value: Any) -> None:
        """Refuse a value that is not allowed.

        Args:
            where: name of the setting in the message.
            value: the value to be checked.

        Raises:
            BadInputError: if the value is not allowed; the message says which values are.

        Examples:
            >>> SETTINGS["until"].check("until", 2)
            Traceback (most recent call last):
            ...
            lossatlas.errors.BadInputError: until: 2 is not a number between 0 and 1; use e.g. 0.99
        """
        if not self.allows(value):
            problem = f"{value!r} is not {self.allowed}"
            raise BadInputError(where, problem, f"use e.g. {self.shown_example}")


def _minutes(meaning: str, example: float) -> Any:
    return _setting(Setting(float, "a positive number", meaning, example, above=0))


def _count(meaning: str, example: int, most: int | None = None, least: int = 1) -> Any:
    limits = f", {least} or more" if most is None else f" from {least} to {most:,}"
    allowed = f"a whole number{limits}"
    return _setting(Setting(int, allowed, meaning, example, least=least, most=most))


def _setting(setting: Setting, default: Any = None) -> Any:
    return field(default=default, metadata={"setting": setting})


@dataclass(frozen=True)
class ExploreOptions:
    """The settings of an exploration: when it stops, and how it is run.

    The exploration ends when the first of the given stop rules holds. Without `until` it also ends
    when many attempts in a row find no new point.

    Attributes:
        minutes: stop after so many minutes of this call, compilation included; default None, no
            limit.
        cpu_minutes: stop after so many minutes of CPU time, all threads together, which is the same
            effort however busy the machine is; default None, no limit.
        minima: stop when the atlas contains so many minima; default None, no limit.
        transition_states: stop when the atlas contains so many transition states, degenerate
            rearrangements included; default None, no limit.
        until: stop when minima and transition states are this complete, for example 0.99: when, for
            each of the two, the lower confidence bound of the probability that an independent draw
            hits a point that independent draws have hit before has reached this value
            (`analysis.completeness`). Default None, no such rule.
        independent_share: part of the searches, from 0 to 1, that are independent draws, from which
            completeness is estimated; default 0.5 with `until`, 0.05 with the aim "connected", else
            0.
        aim: "all", the default, looks for all points of the landscape. "connected" grows one
            connected set of minima: it climbs from the minima of the largest set, and tries to
            connect it to the lowest minimum if that is outside of it. The aim does not change how
            points are stored, so an atlas may be continued with another aim.
        seed: seed of all random numbers, from 0 to 2^63 - 1; default 0.
        lanes: number of lanes of each kernel on each worker; by default chosen for the device.
        workers: number of worker threads; by default one for each core.
        width: number of searches in flight, which are planned and not yet committed, in two rounds
            of half as many. Many lanes need many searches in flight; with fewer of them more is
            known when each is planned. What is found depends on the width. By default it is that of
            the atlas which is continued, else what keeps all lanes of all workers busy
            (`exploration.width`).
        strategies: the strategies in use, by name (`lossatlas.exploration.catalog`) or as records
            that you wrote (`Strategy`); by default all built-in strategies of the aim.
        executor: any `concurrent.futures.Executor`, whose workers then make the searches; default
            None, this process makes them. What is found does not depend on it.

    Raises:
        BadInputError: if a value is not allowed, or if two settings contradict each other.

    Examples:
        >>> options = ExploreOptions(minutes=2, until=0.99)
        >>> options.share_of_draws, options.aim
        (0.5, 'all')
    """

    minutes: float | None = _minutes("stop after so many minutes, compilation included", 2)
    cpu_minutes: float | None = _minutes(
        "stop after so many minutes of CPU time, all threads together: the same effort whatever "
        "else is running",
        4,
    )
    minima: int | None = _count("stop at so many minima in the atlas", 100)
    transition_states: int | None = _count(
        "stop at so many transition states in the atlas, degenerate rearrangements included", 100
    )
    until: float | None = _setting(
        Setting(
            float,
            "a number between 0 and 1",
            "stop when minima and transition states are this complete, e.g. 0.99",
            0.99,
            above=0,
            below=1,
        )
    )
    independent_share: float | None = _setting(
        Setting(
            float,
            "a number from 0 to 1",
            f"part of the searches that are independent draws; by default {DRAWS} with until, "
            f"{DRAWS_BESIDE} with aim connected, else 0",
            0.5,
            least=0,
            most=1,
        )
    )
    aim: str = _setting(
        Setting(
            str,
            '"all" or "connected"',
            "all looks for all points; connected grows one connected set of minima",
            "connected",
            choices=AIMS,
        ),
        default="all",
    )
    seed: int = _setting(
        Setting(
            int,
            "a whole number from 0 to 2^63 - 1",
            "seed of the searches (the data of a study have a seed of their own)",
            1,
            least=0,
            most=LARGEST_SEED,
        ),
        default=0,
    )
    lanes: int | None = _count(
        "searches that a worker advances together, by method; by default chosen for the device",
        4,
        MOST_SEARCHES,
    )
    workers: int | None = _count("worker threads; by default one for each core", 2, MOST_WORKERS)
    width: int | None = _count(
        "searches in flight; by default as in the atlas that is continued, else as many as keep "
        "the machine busy",
        192,
        MOST_SEARCHES,
        least=2,
    )
    strategies: "Sequence[str | Strategy] | None" = None
    executor: "Executor | None" = None

    def __post_init__(self) -> None:
        """Refuse values that are not allowed, and settings that contradict each other."""
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if value is not None or name in ("aim", "seed"):
                setting.check(f"explore: {name}", value)
        if self.until is not None and self.share_of_draws == 0:
            problem = "without independent draws nothing can be said about completeness"
            raise BadInputError("explore: independent_share", problem, "use e.g. 0.5, or no until")
        if self.until is not None and self.aim == "connected":
            problem = "draws from one connected set say nothing about the completeness of an atlas"
            raise BadInputError("explore: until", problem, 'leave it out, or use aim = "all"')
        if self.strategies is not None:
            self._check_strategies(self.strategies)

    def _check_strategies(self, strategies: "Sequence[str | Strategy]") -> None:
        from lossatlas.exploration.catalog import chosen  # loads JAX

        object.__setattr__(self, "strategies", tuple(strategies))
        draws = [strategy.draws is not None for strategy in chosen(strategies, self.aim)]
        if all(draws) and self.share_of_draws == 0:
            problem = "all given strategies make independent draws, whose share of searches is 0"
            raise BadInputError("explore: independent_share", problem, "use e.g. 1")

    @property
    def share_of_draws(self) -> float:
        """The part of the searches that are independent draws, from 0 to 1."""
        if self.independent_share is not None:
            return self.independent_share
        return usual_share_of_draws(self.until, self.aim)

    def enough(self, minima: int, transition_states: int) -> bool:
        """Say whether an atlas holds as many points as the stop rules ask for.

        Args:
            minima: number of minima in the atlas.
            transition_states: number of transition states in the atlas.

        Examples:
            >>> ExploreOptions(minima=3).enough(3, 0), ExploreOptions(minutes=1).enough(3, 0)
            (True, False)
        """
        wanted = ((self.minima, minima), (self.transition_states, transition_states))
        return any(limit is not None and number >= limit for limit, number in wanted)

    def seconds_left(self, seconds: float, cpu_seconds: float) -> float:
        """Return the seconds until the first limit of time is reached; infinity without a limit.

        The smaller of the two limits counts. A second of CPU time is taken as a second of the
        clock, as it is for compilation, which uses one core.

        Args:
            seconds: seconds spent so far, by the clock.
            cpu_seconds: seconds of CPU time spent so far.
        """
        return min(self._seconds_left(seconds, cpu_seconds).values(), default=math.inf)

    def after(self, seconds: float, cpu_seconds: float) -> "ExploreOptions":
        """Return the options for another run that has only the time that is left.

        Limits of the number of points refer to the whole atlas and stay the same.

        Args:
            seconds: seconds spent so far, by the clock.
            cpu_seconds: seconds of CPU time spent so far.

        Raises:
            BadInputError: if no time is left.

        Examples:
            >>> ExploreOptions(minutes=3.0, minima=50).after(60.0, 75.0).minutes
            2.0
        """
        left = self._seconds_left(seconds, cpu_seconds)
        return replace(self, **{rule: time / 60.0 for rule, time in left.items()})  # type: ignore[arg-type]

    def _seconds_left(self, seconds: float, cpu_seconds: float) -> dict[str, float]:
        """Return the seconds left for each of the rules that limit the time, by its name."""
        spent = {"minutes": seconds, "cpu_minutes": cpu_seconds}
        limits = {rule: getattr(self, rule) for rule in spent}
        return {
            rule: 60.0 * limits[rule] - used
            for rule, used in spent.items()
            if limits[rule] is not None
        }

    def record(self) -> dict[str, Any]:
        """Return the options as an atlas stores them: as JSON types, with strategies by name.

        Examples:
            >>> ExploreOptions(minutes=2, strategies=["connect"]).record()["strategies"]
            ['connect']
        """
        plain = {
            name: None if (value := getattr(self, name)) is None else setting.kind(value)
            for name, setting in SETTINGS.items()
        }
        names = None
        if self.strategies is not None:
            names = [one if isinstance(one, str) else one.name for one in self.strategies]
        return {**plain, "strategies": names}


def usual_share_of_draws(until: float | None, aim: str) -> float:
    """Return the default of the part of the searches that are independent draws.

    Args:
        until: the completeness at which the exploration stops; None without that stop rule.
        aim: aim of the exploration, one of `AIMS`.
    """
    if until is not None:
        return DRAWS
    return DRAWS_BESIDE if aim == "connected" else 0.0


SETTINGS: Mapping[str, Setting] = {
    one.name: one.metadata["setting"] for one in fields(ExploreOptions) if one.metadata
}
"""The descriptions of all settings but strategies and executor, by name."""


class Settings(TypedDict, total=False):
    """The settings as keyword arguments, for type checkers and editors; see `ExploreOptions`."""

    minutes: float | None
    cpu_minutes: float | None
    minima: int | None
    transition_states: int | None
    until: float | None
    independent_share: float | None
    aim: str | None
    seed: int | None
    lanes: int | None
    workers: int | None
    width: int | None
    strategies: "Sequence[str | Strategy] | None"
    executor: "Executor | None"


def takes_settings(function: F) -> F:
    """Show the settings in the signature of a function that takes them as ``**settings``.

    Used as a decorator; editors and `help` then list each setting as a keyword argument.
    """
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    kind = inspect.Parameter.KEYWORD_ONLY
    ours = [
        inspect.Parameter(name, kind, default=None, annotation=annotation)
        for name, annotation in Settings.__annotations__.items()
    ]
    function.__signature__ = signature.replace(parameters=[*named, *ours])  # type: ignore[attr-defined]
    return function
