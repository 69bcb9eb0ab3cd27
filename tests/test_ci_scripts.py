"""What the scripts in .ci provide for tests: nothing ends where it cannot be installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMON = Path(__file__).parent.parent / ".ci" / "common"
NEEDED = ("bash", "dirname", "mktemp", "rm")
FAILING = {"id": "echo 0", "apt-get": 'echo "E: Unable to fetch $*" >&2; exit 100'}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for Unix"),
    pytest.mark.skipif(not COMMON.is_file(), reason="not in a checkout"),
]


@pytest.fixture
def call(tmp_path: Path):
    """Call a function of the scripts as root on a machine with few programs and no network."""
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)

    def run(function: str, programs: dict[str, str], **environment: str):
        for name, content in programs.items():
            (tmp_path / name).write_text(f"#!{tmp_path}/bash\n{content}\n")
            (tmp_path / name).chmod(0o755)
        script = f". '{COMMON}'; compgen() {{ return 1; }}; {function}; echo 'and on'"
        kept = {key: os.environ[key] for key in ("TMPDIR",) if key in os.environ}
        given = {"PATH": str(tmp_path), **kept, **environment}
        command = [str(tmp_path / "bash"), "-c", script]
        return subprocess.run(command, capture_output=True, text=True, env=given)

    return run


@pytest.mark.parametrize("programs", [FAILING, {"id": "echo 1000"}], ids=["fails", "no root"])
@pytest.mark.parametrize("what", ["Chromium", "PostgreSQL"])
def test_what_cannot_be_installed_is_said_and_ends_nothing(call, what, programs):
    ended = call(f"provide_{what.lower()}", programs)
    assert ended.returncode == 0
    said = [line for line in ended.stdout.splitlines() if "skipped" in line]
    assert len(said) == 1
    assert what in said[0]
    assert ended.stdout.endswith("and on\n")


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome", "chrome"])
def test_a_browser_under_any_name_of_the_tests_is_enough(call, name):
    ended = call("provide_chromium", {**FAILING, name: "exit 0"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "and on\n", "")


@pytest.mark.parametrize(
    ("what", "variable"),
    [("chromium", "LOSSATLAS_CHROMIUM"), ("postgresql", "LOSSATLAS_POSTGRESQL")],
)
def test_what_the_user_gives_is_enough(call, what, variable):
    ended = call(f"provide_{what}", FAILING, **{variable: "given"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "and on\n", "")
