"""When an exploration stops and how it is run: each setting is described here, and nowhere else.

Python gives settings as `ExploreOptions`, a study as its table [explore], the command line as
options; the latter two are made from the descriptions below, and all refuse a bad value in the same
words. Nothing here loads JAX.
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
"""Part of the searches that are independent draws where the exploration goes on until it is
complete."""
DRAWS_BESIDE = 0.05
"""Part of the searches that are independent draws where one connected set is grown."""
AIMS = ("all", "connected")
"""What an exploration is for: all points there are, or one large connected set of minima."""
LARGEST_SEED = 2**63 - 1
"""The largest that a database stores."""
MOST_SEARCHES = 1_000_000
"""More searches at once fit into no memory."""
MOST_WORKERS = 10_000
"""More threads no machine has cores for."""


@dataclass(frozen=True)
class Setting:
    """What there is to know about one setting.

    Args:
        kind: float, int or str.
        allowed: which values, in words.
        meaning: one sentence.
        example: a value to suggest.
        above, least, below, most: bounds; those of `above` and `below` are not allowed.
        choices: the words that are allowed, of kind str.
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
        """Whether a value can be used; a number of NumPy can."""
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
        """The example as people type it.

        Examples:
            >>> SETTINGS["until"].shown_example, SETTINGS["aim"].shown_example
            ('0.99', 'connected')
        """
        return self.example if isinstance(self.example, str) else f"{self.example:g}"

    def check(self, where: str, value: Any) -> None:
        """Refuse a value that cannot be used.

        Raises:
            BadInputError: says which values are allowed.

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
    """When to stop, and how to run.

    Args:
        minutes: stop after so many minutes of this call.
        cpu_minutes: stop after so many minutes of CPU time, all threads together: the same effort
            on a busy machine.
        minima: stop at so many minima in the atlas.
        transition_states: stop at so many transition states in the atlas, degenerate ones included.
        until: stop when minima and transition states are this complete, e.g. 0.99: when the lower
            confidence bounds say that an independent draw hits a point that independent draws have
            hit before, with this probability, in both streams (`analysis.completeness`).
        independent_share: part of the searches that are independent draws, from which completeness
            is estimated; default 0.5 with `until`, 0.05 with the aim "connected", else none.
        aim: "all" looks for all points there are. "connected" grows one connected set of minima: it
            climbs from the minima of the largest set, and bridges to others only if they hold
            something lower. What is stored is the same, so an atlas may be continued with another.
        seed: of all random numbers.
        lanes: lanes of each kernel and worker; default chosen for the device.
        workers: worker threads; default one a core.
        width: searches in flight, planned and not yet committed, as two rounds of half as many: a
            wide machine needs many, and the fewer there are the more is known when each is planned.
            Default that of the atlas which is continued, else what keeps all lanes of all workers
            busy (`exploration.width`). What is found depends on it.
        executor: whose workers make the searches, any `concurrent.futures.Executor`; default None,
            this process. What is found does not depend on it.
        strategies: those to use, by name (see `lossatlas.exploration.catalog`) or as records of
            your own (`lossatlas.exploration.tasks.Strategy`); default all of ours.

    Without `until` the exploration also ends when a long run of attempts finds nothing new.

    Raises:
        BadInputError: for a value that cannot be used.
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
            "of the searches (the data of a study have their own)",
            1,
            least=0,
            most=LARGEST_SEED,
        ),
        default=0,
    )
    lanes: int | None = _count("searches of a kind in flight for each worker", 4, MOST_SEARCHES)
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
        """Refuse what cannot be meant."""
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
            problem = "the strategies given only draw, and no share of the searches is for draws"
            raise BadInputError("explore: independent_share", problem, "use e.g. 1")

    @property
    def share_of_draws(self) -> float:
        """The part of the searches that are independent draws."""
        if self.independent_share is not None:
            return self.independent_share
        return usual_share_of_draws(self.until, self.aim)

    def enough(self, minima: int, transition_states: int) -> bool:
        """Whether as many points as asked for are there.

        Examples:
            >>> ExploreOptions(minima=3).enough(3, 0), ExploreOptions(minutes=1).enough(3, 0)
            (True, False)
        """
        wanted = ((self.minima, minima), (self.transition_states, transition_states))
        return any(limit is not None and number >= limit for limit, number in wanted)

    def seconds_left(self, seconds: float, cpu_seconds: float) -> float:
        """Until the time is up, where so many seconds are spent; infinite without a limit.

        A second of CPU time counts as one of the clock, which it is to a compiler.
        """
        return min(self._seconds_left(seconds, cpu_seconds).values(), default=math.inf)

    def after(self, seconds: float, cpu_seconds: float) -> "ExploreOptions":
        """What is left of the options for another run, where so many seconds are spent.

        Counts are those of the atlas, and stay.

        Raises:
            BadInputError: if no time is left.

        Examples:
            >>> ExploreOptions(minutes=3.0, minima=50).after(60.0, 75.0).minutes
            2.0
        """
        left = self._seconds_left(seconds, cpu_seconds)
        return replace(self, **{rule: time / 60.0 for rule, time in left.items()})  # type: ignore[arg-type]

    def _seconds_left(self, seconds: float, cpu_seconds: float) -> dict[str, float]:
        """By rule, for those that limit the time."""
        spent = {"minutes": seconds, "cpu_minutes": cpu_seconds}
        limits = {rule: getattr(self, rule) for rule in spent}
        return {
            rule: 60.0 * limits[rule] - used
            for rule, used in spent.items()
            if limits[rule] is not None
        }

    def record(self) -> dict[str, Any]:
        """The options as an atlas keeps them: JSON types, strategies by name.

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
    """The part of the searches that are independent draws unless asked otherwise.

    Args:
        until: how complete the atlas is to be, None without that stop rule.
        aim: of the exploration.
    """
    if until is not None:
        return DRAWS
    return DRAWS_BESIDE if aim == "connected" else 0.0


SETTINGS: Mapping[str, Setting] = {
    one.name: one.metadata["setting"] for one in fields(ExploreOptions) if one.metadata
}
"""All settings but the strategies, by name."""


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
    """Show the settings in the signature of a function that takes them as ``**settings``."""
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    kind = inspect.Parameter.KEYWORD_ONLY
    ours = [
        inspect.Parameter(name, kind, default=None, annotation=annotation)
        for name, annotation in Settings.__annotations__.items()
    ]
    function.__signature__ = signature.replace(parameters=[*named, *ours])  # type: ignore[attr-defined]
    return function
