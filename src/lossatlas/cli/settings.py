"""Options of the command line made from the settings of an exploration.

What a setting means and which values it may have is described in `exploration.stop_rules`; here it
becomes an option, whose value is checked while the command line is read.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lossatlas.cli.arguments import BAD_INPUT
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import SETTINGS, Setting


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of these settings.

    The command takes them as keyword arguments, None where an option was not given.

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
    option = typer.Option(help=text, callback=_check(setting))
    annotation = Annotated[setting.kind | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _check(setting: Setting) -> Callable[[typer.CallbackParam, Any], Any]:
    def check(option: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not setting.allows(value):
            where = f"{option.opts[0]} {value}"
            remedy = f"use e.g. {setting.example:g}"
            error = BadInputError(where, f"not {setting.allowed}", remedy)
            typer.echo(f"lossatlas: {error}", err=True)
            raise typer.Exit(BAD_INPUT)
        return value

    return check
