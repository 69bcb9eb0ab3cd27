"""Options of the command line for the appearance of a figure."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from lossatlas.cli.numbers import checked
from lossatlas.errors import BadInputError

MOST_INSET = 10_000
"""Largest number of minima in an inset, which shows the bottom of the landscape."""


def _millimeters(example: str) -> Any:
    return checked(lambda value: 20 <= value <= 2000, "20 to 2000", example)


def _depth() -> Any:
    return checked(lambda value: 0 <= value < float("inf"), "0 or more and finite", "0.01")


FIGURE_OPTIONS: dict[str, tuple[Any, Any]] = {
    "preset": (
        Annotated[
            str | None,
            typer.Option(
                help="Color, size and part of the tree as in a figure of the paper: figure-1 to "
                "figure-4, figure-6, figure-7 or figure-8. Other options take precedence."
            ),
        ],
        None,
    ),
    "format": (
        Annotated[
            str,
            typer.Option(
                help="Size and text of the figure: screen, slide, or one column of a journal (aps, "
                "acs, nature, elsevier) or two (aps-wide ...)."
            ),
        ],
        "screen",
    ),
    "width": (
        Annotated[
            float | None,
            typer.Option(
                callback=_millimeters("120"),
                help="Width in millimeters, in place of that of the format.",
            ),
        ],
        None,
    ),
    "height": (
        Annotated[
            float | None,
            typer.Option(
                callback=_millimeters("90"),
                help="Height in millimeters, in place of that of the format.",
            ),
        ],
        None,
    ),
    "colors": (
        Annotated[
            str,
            typer.Option(
                help="Colors of low to high values: red-blue, or cividis, viridis or gray, which "
                "can be printed in gray too.",
            ),
        ],
        "red-blue",
    ),
    "style": (
        Annotated[
            str | None,
            typer.Option(
                help="Style file of matplotlib, or name of one of its styles; it is applied last."
            ),
        ],
        None,
    ),
    "label": (
        Annotated[
            list[int] | None,
            typer.Option(min=1, help="Id of a minimum to label; may be given repeatedly."),
        ],
        None,
    ),
    "inset": (
        Annotated[
            int,
            typer.Option(
                min=0,
                max=MOST_INSET,
                help="Number of the lowest minima to draw once more, enlarged, next to the graph.",
            ),
        ],
        0,
    ),
    "scale_bar": (
        Annotated[bool, typer.Option("--scale-bar", help="Draw a scale bar in place of the axis.")],
        False,
    ),
    "depth": (
        Annotated[
            float,
            typer.Option(
                callback=_depth(),
                help="Leave out branches that are shallower than this, and show how many.",
            ),
        ],
        0.0,
    ),
    "smallest": (
        Annotated[
            int,
            typer.Option(
                min=1, help="Leave out branches with fewer minima than this, and show how many."
            ),
        ],
        1,
    ),
    "lowest": (
        Annotated[
            int,
            typer.Option(
                min=0,
                help="Number of minima to draw: the lowest, if they are connected to the lowest "
                "one of all; 0: all minima, connected or not.",
            ),
        ],
        0,
    ),
}
"""Annotation and default of each option, by the name of its keyword argument."""


def with_figure_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of figures to a command, which takes them as keyword arguments.

    Args:
        command: the command, whose last parameter collects keyword arguments.

    Examples:
        >>> @with_figure_options
        ... def command(atlas: str, **figure: Any) -> None: ...
        >>> list(inspect.signature(command).parameters)[:3]
        ['atlas', 'preset', 'format']
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in FIGURE_OPTIONS.items()
    ]
    parameters = [*own, *added]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def with_preset(
    context: typer.Context, color: str | None, figure: Mapping[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    """The column that colors the branches and the options of figures, completed by the preset.

    Whatever is given on the command line takes precedence, even if it is the default.

    Args:
        context: the context of the command, which knows what was given.
        color: value of the option ``--color``; None if it was not given.
        figure: values of the options of figures, by name.

    Raises:
        BadInputError: there is no preset of this name.
    """
    completed = {name: value for name, value in figure.items() if name != "preset"}
    if figure["preset"] is None:
        return color, completed
    from lossatlas.plots.presets import preset

    chosen = preset(figure["preset"])
    given = {name for name in FIGURE_OPTIONS if _is_given(context, name)}
    if "format" in given:
        given.add("width")  # A format has a width of its own, which the preset does not replace.
    completed |= {name: v for name, v in chosen.options.items() if name not in given}
    return chosen.color if color is None else color, completed


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_for_pages(figure: Mapping[str, Any], output: object) -> None:
    """Refuse options of figures for a page in the browser, on which they have no effect.

    Args:
        figure: values of the options of figures, by name.
        output: path of the page.

    Raises:
        BadInputError: an option was given; the message names it.
    """
    for name, (_, default) in FIGURE_OPTIONS.items():
        if figure[name] not in (default, None, []):
            option = f"--{name.replace('_', '-')}"
            problem = f"is for figures, and {output} is a page for the browser"
            raise BadInputError(option, problem, "leave it out; the page has controls of its own")
