"""Virtual environments of the rivals, which are made once and kept in a cache folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs
from benchmarks.rivals.measure import Unavailable

VERSIONS = {"pylfl": "0.3.5", "pele": "0.1.2", "topsearch": "0.0.3"}
"""The versions for which the comparisons were written."""

REPOSITORY = Path(__file__).resolve().parents[2]


def default_folder() -> Path:
    """The folder of the environments, unless `--environments` gives another one."""
    return Path(platformdirs.user_cache_dir("lossatlas", appauthor=False)) / "rivals"


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def rival(folder: Path, name: str) -> Path:
    """The environment in which a rival is installed, which is made if it does not exist.

    Raises:
        Unavailable: if the rival cannot be installed; the message has the last lines of pip.
    """
    return environment(folder / f"{name}-{VERSIONS[name]}", [f"{name}=={VERSIONS[name]}"])


def environment(folder: Path, requirements: list[str]) -> Path:
    """An environment with some packages, in which the file ``installed`` marks it as complete."""
    mark = folder / "installed"
    if mark.exists():
        return folder
    print(f"installing {' '.join(requirements)} into {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    pip_install(folder, requirements)
    mark.write_text("\n".join([sys.version, *requirements]))
    return folder


def pip_install(folder: Path, arguments: list[str]) -> None:
    """Run ``pip install`` in an environment."""
    command = [python_of(folder), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if ran.returncode:
        said = " ".join(ran.stderr.split())[-300:]
        raise Unavailable(
            f"pip install {' '.join(arguments)} failed in {folder} ({said}); "
            "check the network, or give --environments a folder where it is installed"
        )


def own_environment(folder: Path) -> Path:
    """An environment with lossatlas as users have it: byte-compiled, and not editable.

    The dependencies are installed once, the package itself in every run.
    """
    place = environment(folder / "lossatlas", [str(REPOSITORY)])
    wanted = ["--no-deps", "--force-reinstall", "--compile", str(REPOSITORY)]
    pip_install(place, wanted)
    return place
