"""Follows pages: reads a list of tours (folder and steps) as JSON, writes what became of each.

Commands run in this process, so that what is loaded and compiled serves all of them; that the
program works as a process of its own is tested elsewhere. The blocks of a page are a module, whose
functions can be pickled.
"""

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
import traceback
import types
from pathlib import Path


def command(line: str) -> None:
    """Run a command line of the program, which has to succeed."""
    from typer.testing import CliRunner

    from lossatlas.program import app

    ran = CliRunner().invoke(app, shlex.split(line)[1:])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    if ran.exit_code != 0:
        raise RuntimeError(f"{line}: exit code {ran.exit_code}\n{ran.output}")


def copy(source: Path, target: Path) -> None:
    """Copy a folder, or a file whose folder may not be there yet."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)


def follow(folder: str, steps: list[dict[str, str]]) -> dict[str, object]:
    """Do the steps of one page in its folder, up to the first that fails."""
    os.chdir(folder)
    page = types.ModuleType("page")
    sys.modules["page"] = page
    printed, error = {}, ""
    try:
        for step in steps:
            if step["do"] == "copy":
                copy(Path(step["text"]), Path(step["where"]))
            elif step["do"] == "write":
                Path(step["where"]).write_text(step["text"], encoding="utf-8")
            elif step["do"] == "console":
                command(step["text"])
            else:
                with contextlib.redirect_stdout(io.StringIO()) as stream:
                    exec(compile(step["text"], step["where"], "exec"), vars(page))
                printed[step["where"]] = stream.getvalue()
    except BaseException:
        error = traceback.format_exc()
    return {"printed": printed, "error": error}


if __name__ == "__main__":
    tours = json.load(sys.stdin)
    followed = [follow(tour["folder"], tour["steps"]) for tour in tours]
    print(json.dumps(followed))
