"""Options of the command line that say how a figure looks."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from lossatlas.cli.numbers import checked
from lossatlas.errors import BadInputError

MOST_INSET = 10_000
"""More minima than these are no bottom."""


def _millimeters(example: str) -> Any:
    return checked(lambda value: 20 <= value <= 2000, "20 to 2000", example)


def _depth() -> Any:
    return checked(lambda value: 0 <= value < float("inf"), "0 or more and finite", "0.01")


FIGURE_OPTIONS: dict[str, tuple[Any, Any]] = {
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
            typer.Option(callback=_millimeters("120"), help="Width in millimeters instead."),
        ],
        None,
    ),
    "height": (
        Annotated[
            float | None,
            typer.Option(callback=_millimeters("90"), help="Height in millimeters instead."),
        ],
        None,
    ),
    "colors": (
        Annotated[
            str,
            typer.Option(
                help="red-blue, or for gray print too: cividis, viridis, gray.",
            ),
        ],
        "red-blue",
    ),
    "style": (
        Annotated[
            str | None,
            typer.Option(help="Style file of matplotlib, or name of one of its styles, on top."),
        ],
        None,
    ),
    "label": (
        Annotated[
            list[int] | None,
            typer.Option(min=1, help="Id of a minimum to label; may be given several times."),
        ],
        None,
    ),
    "inset": (
        Annotated[
            int,
            typer.Option(
                min=0, max=MOST_INSET, help="Draw so many of the lowest minima beside, larger."
            ),
        ],
        0,
    ),
    "scale_bar": (
        Annotated[bool, typer.Option("--scale-bar", help="A bar in place of the axis.")],
        False,
    ),
    "depth": (
        Annotated[
            float,
            typer.Option(callback=_depth(), help="Leave out branches that rise less, count them."),
        ],
        0.0,
    ),
    "smallest": (
        Annotated[
            int,
            typer.Option(min=1, help="Leave out branches with fewer minima, and count them."),
        ],
        1,
    ),
}
"""Kind and default of each option, by the name of the keyword."""


def with_figure_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of figures, which it takes as keyword arguments.

    Examples:
        >>> @with_figure_options
        ... def command(atlas: str, **figure: Any) -> None: ...
        >>> list(inspect.signature(command).parameters)[:3]
        ['atlas', 'format', 'width']
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


def refuse_for_pages(figure: Mapping[str, Any], output: object) -> None:
    """Refuse options of figures for a page of the browser, which would do nothing there.

    Raises:
        BadInputError: names the option.
    """
    for name, (_, default) in FIGURE_OPTIONS.items():
        if figure[name] not in (default, None, []):
            option = f"--{name.replace('_', '-')}"
            problem = f"is of figures, and {output} is a page for the browser"
            raise BadInputError(option, problem, "leave it out; the page has controls of its own")
