"""Options of the command line, made from the settings of an exploration.

`exploration.stop_rules` describes the meaning and the allowed values of each setting. Here it
becomes an option, whose value is checked while the command line is read.
"""

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from lossatlas.cli.numbers import checked
from lossatlas.exploration.stop_rules import SETTINGS


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option to a command for each of some settings.

    The command takes them as keyword arguments, which are None for options that were not given.

    Args:
        *names: names of the settings.

    Examples:
        >>> @with_settings("minutes", "seed")
        ... def command(study: str, **given: float | None) -> None: ...
        >>> list(inspect.signature(command).parameters)
        ['study', 'minutes', 'seed']
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        before = [p for p in own if p.kind is not p.KEYWORD_ONLY]
        parameters = [*before, *map(_parameter, names), *(p for p in own if p not in before)]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def _parameter(name: str) -> inspect.Parameter:
    setting = SETTINGS[name]
    text = f"{setting.meaning[0].upper()}{setting.meaning[1:]}."
    check = checked(setting.allows, setting.allowed, setting.shown_example)
    option = typer.Option(help=text, callback=check)
    annotation = Annotated[setting.kind | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
