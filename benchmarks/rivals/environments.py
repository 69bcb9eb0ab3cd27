"""Virtual environments of the rivals, made once and kept in a cache folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs
from benchmarks.rivals.measure import Unavailable

VERSIONS = {"pylfl": "0.3.5", "pele": "0.1.2", "topsearch": "0.0.3"}
"""What the comparisons were written for."""

REPOSITORY = Path(__file__).resolve().parents[2]


def default_folder() -> Path:
    """Where the environments are kept unless `--environments` says otherwise."""
    return Path(platformdirs.user_cache_dir("lossatlas", appauthor=False)) / "rivals"


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def rival(folder: Path, name: str) -> Path:
    """The environment with the rival installed; made if it is not there.

    Raises:
        Unavailable: it cannot be installed; the message has the end of what pip said.
    """
    return environment(folder / f"{name}-{VERSIONS[name]}", [f"{name}=={VERSIONS[name]}"])


def environment(folder: Path, requirements: list[str]) -> Path:
    """An environment with some packages; the mark ``installed`` says that it is complete."""
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
    """lossatlas as a user has it: installed, not editable, byte-compiled.

    Its dependencies are installed once; the package itself is installed anew in every run.
    """
    place = environment(folder / "lossatlas", [str(REPOSITORY)])
    wanted = ["--no-deps", "--force-reinstall", "--compile", str(REPOSITORY)]
    pip_install(place, wanted)
    return place
