"""The landscape that a command computes with: the atlas's own, or one that a file makes."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lossatlas.errors import BadInputError

LandscapeOption = Annotated[
    str | None,
    typer.Option(
        "--landscape",
        metavar="FILE.py[:NAME]",
        help="Python file whose variable NAME (default landscape) is the landscape, where the "
        "atlas cannot make it: of a function, or with a loss of your own. The file is run.",
    ),
]
DEFAULT_NAME = "landscape"


def landscape_for(atlas: Any, option: str | None) -> Any:
    """The landscape of an open atlas.

    Args:
        atlas: the open atlas.
        option: what was given with ``--landscape``.

    Raises:
        BadInputError: if the atlas cannot make its landscape and no file was given, or the file
            does not make one.
        OtherLandscapeError: if it makes another one.
    """
    if option is None:
        from lossatlas.studies.problem import landscape_of

        return landscape_of(atlas.problem)
    from lossatlas.atlas.contents import check_landscape

    landscape = _made_by(option)
    with atlas.reading() as connection:
        check_landscape(connection, landscape.fingerprint(), atlas.name)
    return landscape


def _made_by(option: str) -> Any:
    """What a file calls by a name."""
    from lossatlas.landscape import Landscape

    where, separator, name = option.rpartition(".py:")
    path = Path(f"{where}.py" if separator else option).expanduser()
    if separator and not name:
        problem = "no name follows the colon"
        raise BadInputError(f"--landscape {option}", problem, "give FILE.py or FILE.py:NAME")
    name = name if separator else DEFAULT_NAME
    found = getattr(_module(path), name, None)
    if not isinstance(found, Landscape):
        kind = "is not there" if found is None else f"is a {type(found).__name__}, no landscape"
        problem, remedy = f"the variable {name} {kind}", f"give its name: --landscape {path}:NAME"
        raise BadInputError(str(path), problem, remedy)
    return found


def _module(path: Path) -> Any:
    """A file run as a module."""
    if path.suffix != ".py" or not path.is_file():
        problem = "is no Python file" if path.exists() else "is not there"
        raise BadInputError(f"--landscape {path}", problem, "give FILE.py or FILE.py:NAME")
    from lossatlas.distribution.messages import OWN_MODULES

    name = f"{OWN_MODULES}{path.stem}"  # no module of this name is in use
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None  # the suffix is one that Python knows
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # classes look up where they are defined
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # of any kind: the file is the user's
        first = (str(error).splitlines() or [""])[0]
        problem = f"running it failed ({type(error).__name__}: {first})"
        remedy = 'mend it; what explores belongs under if __name__ == "__main__":'
        raise BadInputError(str(path), problem, remedy) from error
    finally:
        sys.path.remove(folder)
    return module
