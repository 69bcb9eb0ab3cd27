"""What a release says of itself agrees: version, Python versions, files."""

import re
import tomllib
from pathlib import Path

import pytest

import lossatlas

REPOSITORY = Path(__file__).parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def pythons() -> list[str]:
    """Python versions that the metadata name."""
    found = (re.fullmatch(r".* :: Python :: (3\.\d+)", one) for one in PROJECT["classifiers"])
    return [one[1] for one in found if one]


def test_the_version_is_the_same_everywhere():
    """It stands in pyproject.toml; the other files have to follow."""
    version = PROJECT["version"]
    assert lossatlas.__version__ == version
    assert re.findall(r"^version: (\S+)$", text("CITATION.cff"), re.M) == [version]
    assert re.findall(r"^## (\d\S+)", text("CHANGELOG.md"), re.M)[0] == version


def test_python_versions_are_those_that_are_tested():
    yaml = pytest.importorskip("yaml")
    if not WORKFLOWS:
        pytest.skip("not in a checkout")
    (tests,) = [path for path in WORKFLOWS if path.name == "tests.yml"]
    matrix = yaml.safe_load(tests.read_text(encoding="utf-8"))["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == pythons()
    assert PROJECT["requires-python"] == f">={pythons()[0]}"
    assert {name.split("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}


def test_a_tag_publishes_only_what_was_tested_and_tried_out():
    yaml = pytest.importorskip("yaml")
    if not WORKFLOWS:
        pytest.skip("not in a checkout")
    (release,) = [path for path in WORKFLOWS if path.name == "release.yml"]
    workflow = yaml.safe_load(release.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert workflow[True] == {"push": {"tags": ["v[0-9]*"]}}  # YAML 1.1 reads `on` as true
    assert jobs["test"]["uses"] == "./.github/workflows/tests.yml"
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}  # trusted publishing
    assert any(".ci/smoke" in step.get("run", "") for step in jobs["build"]["steps"])


@pytest.mark.parametrize(
    "name",
    ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"],
)
def test_files_that_are_linked_exist(name):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text(name)):
        assert (REPOSITORY / target).exists(), target
