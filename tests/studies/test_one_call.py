"""One call: landscapes, studies and their paths; what is refused; how an atlas is given back."""

import gc
import inspect
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from compiled_code import compiled_pages

import lossatlas as la
from lossatlas.atlas import Exploration
from lossatlas.errors import OtherLandscapeError
from lossatlas.exploration.explorer import Progress, grow
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions, Settings
from lossatlas.studies import exploring

GROW = "lossatlas.studies.exploring.grow"

STUDY = """
[data]
source = "file"
path = "rows.npz"
train = 60
test = 20
split = "ordered"
[network]
hidden = [3]
[loss]
l2 = 1e-3
[explore]
transition_states = 1
seed = 3
"""


def wells(name: str = "wells") -> la.FunctionLandscape:
    return la.FunctionLandscape(
        lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name=name
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch) -> Path:
    """The path of a study, whose folder is the working folder."""
    random = np.random.default_rng(1)
    labels = np.arange(80) % 3
    centers = np.array([[0.0, 0.0], [1.0, 0.5], [0.3, 1.0]])
    inputs = centers[labels] + 0.8 * random.normal(size=(80, 2))
    np.savez(tmp_path / "rows.npz", inputs=inputs, labels=labels)
    (tmp_path / "small.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "small.toml"


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    """What explorations are asked for, in place of making them."""
    made: list[tuple] = []

    def pretended(landscape, atlas, options, report, started, tools):
        made.append((landscape, atlas, options, tools))
        report(Progress(1.0, 2, 1, 10, 3, 1, {"connect": 10}))
        atlas.exploration = Exploration("time", 0, 0, 7, 60.0, 60.0)

    monkeypatch.setattr(GROW, pretended)
    return made


TEN_LINES = """
import sys, warnings
import jax, jax.numpy as jnp
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import lossatlas as la

warnings.simplefilter("error")
landscape = la.FunctionLandscape(
    lambda w: (w[0] ** 2 - 1) ** 2 + 2 * w[1] ** 2 + 0.1 * w[0], [-2, -2], [2, 2], "wells"
)
figure, axes = plt.subplots(1, 2)
for source, file, color, ax in [
    ("small.toml", None, "test_auc", axes[0]), (landscape, "mine.atlas", "loss", axes[1])
]:
    atlas = la.explore(source, file, minutes=3, transition_states=1)
    la.plot_tree(atlas, color=color, ax=ax)
    minima, network = atlas.minima(), atlas.network()
    a, b = minima["id"][:2]
    kinds = [point.kind for point in network.path(a, b)]
    print(len(minima) >= 2, float(network.barrier(a, b)), kinds)
print(atlas.exploration.reason, atlas.name, jnp.zeros(1).dtype)
figure.savefig("trees.png")
# No atlas is closed: that happens by itself.
"""


@pytest.mark.slow
def test_ten_lines_in_a_process_that_sets_nothing(study, pytestconfig):
    """A study and a function, JAX in its default single precision, and no warning of any kind."""
    # Commands that are tested in this process set variables of JAX.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment = {**bare, **compiled_pages(pytestconfig)}
    command = [sys.executable, "-X", "dev", "-c", TEN_LINES]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    first, second, last = ran.stdout.splitlines()
    assert first.startswith("True ")
    assert second.endswith("['minimum', 'transition state', 'minimum']")
    # Of (x^2 - 1)^2 + 0.1 x, the energy of the saddle near 0.025: a root of 4 x^3 - 4 x + 0.1.
    x = sorted(np.roots([4, 0, -4, 0.1]).real, key=abs)[0]
    height = float(second.split(" ")[1])
    assert height == pytest.approx((x**2 - 1) ** 2 + 0.1 * x, abs=1e-9)
    assert last == "number mine.atlas float32"
    for line in ("small: preparing the data", "there are as many points as asked for"):
        assert line in ran.stderr
    assert "Warning" not in ran.stderr
    files = ["mine.atlas", "rows.npz", "small.atlas", "small.toml", "trees.png"]
    assert sorted(path.name for path in study.parent.iterdir()) == files  # no file -wal: all closed
    with la.Atlas.open("small.atlas") as atlas:
        assert atlas.minima()[["train_auc", "test_auc"]].notna().all(axis=None)


def test_all_settings_are_keywords_of_the_call():
    """Written once more for type checkers, and compared here."""
    assert [*SETTINGS, "strategies", "executor"] == list(Settings.__annotations__)
    keywords = inspect.signature(la.explore).parameters
    assert list(keywords)[:4] == ["source", "atlas", "tools", "progress"]
    assert list(keywords)[4:] == list(Settings.__annotations__)
    for name, kind in Settings.__annotations__.items():
        described = ExploreOptions.__dataclass_fields__[name].type
        wanted = described if "None" in str(described) else f"{described.__name__} | None"
        assert str(getattr(kind, "__forward_arg__", kind)) == str(wanted), name
    described = inspect.getdoc(la.explore) or ""
    assert all(f"\n    {name}: " in described for name in keywords)


def test_settings_given_replace_those_of_the_study(study, calls):
    for source in (study, str(study), la.load_study(study)):
        assert la.explore(source, progress=False).name == "small.atlas"
    la.explore(study, progress=False, seed=8, lanes=None, strategies=["connect"]).close()
    options = [options for _, _, options, _ in calls]
    assert [(o.transition_states, o.seed, o.strategies) for o in options] == [
        *[(1, 3, None)] * 3,
        (1, 8, ("connect",)),
    ]
    la.explore(wells(), "w.atlas", progress=False).close()
    assert calls[-1][2] == ExploreOptions()


def test_what_prepare_gives_is_explored(study, calls):
    prepared = la.prepare(la.load_study(study))
    tools = la.default_tools(prepared.landscape)._replace(pushoff=0.01)
    with la.explore(prepared, "p.atlas", tools=tools, progress=False) as atlas:
        assert calls[-1][0] is prepared.landscape
        assert calls[-1][3].pushoff == 0.01
        assert atlas.problem.specification["name"] == "small"


def test_an_open_atlas_is_used_and_stays_open(study, calls):
    prepared = la.prepare(la.load_study(study))
    with la.explore(study, progress=False) as atlas:
        assert la.explore(study, atlas, progress=False) is atlas
        # The landscape alone knows no test data: those of the atlas stay.
        assert la.explore(prepared.landscape, atlas, progress=False) is atlas
        assert "test_inputs" in atlas.problem.arrays
        with pytest.raises(OtherLandscapeError, match="these parts differ"):
            la.explore(wells(), atlas, progress=False)
        assert atlas.status()["minima"] == 0
    la.explore(prepared.landscape, "small.atlas", progress=False).close()
    with la.Atlas.open("small.atlas") as again:
        assert again.problem.specification["name"] == "small"


def test_progress_is_shown_told_or_kept_quiet(calls, tmp_path, capsys):
    told: list[Progress] = []
    for progress in (told.append, False):
        la.explore(wells(), tmp_path / "w.atlas", progress=progress).close()
    assert capsys.readouterr() == ("", "")
    assert [state.attempts for state in told] == [10]
    la.explore(wells(), tmp_path / "w.atlas").close()
    output, messages = capsys.readouterr()
    assert output == ""
    assert "w.atlas: 0 minima, 0 transition states" in messages.replace("\n", "")
    assert "the time is up; 7 attempts in 60.0 s" in messages


def test_what_was_not_the_usual_is_in_the_record(tmp_path):
    landscape = wells()
    tools = la.default_tools(landscape)._replace(pushoff=0.01)
    with la.explore(landscape, tmp_path / "w.atlas", progress=False, minima=1) as atlas:
        grow(landscape, atlas, ExploreOptions(minima=1), tools=tools)
        recorded = atlas.runs()["options"].tolist()
    assert "tools" not in recorded[0]
    assert recorded[1]["tools"] == {"pushoff": "0.01"}


def test_an_atlas_that_nobody_uses_closes_itself(calls, tmp_path):
    path = tmp_path / "w.atlas"
    atlas = la.explore(wells(), path, progress=False)
    atlas.set_property("mine", {})
    assert path.with_name("w.atlas-wal").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del atlas
        calls.clear()
        gc.collect()
    assert not path.with_name("w.atlas-wal").exists()


def test_an_atlas_that_was_closed_can_be_asked_again(calls, tmp_path):
    atlas = la.explore(wells(), tmp_path / "w.atlas", progress=False)
    atlas.close()
    atlas.close()
    assert atlas.status()["minima"] == 0
    atlas.close()


def test_an_error_closes_what_was_opened_here(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("disk")

    monkeypatch.setattr(GROW, fails)
    with pytest.raises(RuntimeError, match="disk"):
        la.explore(wells(), tmp_path / "w.atlas", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["w.atlas"]


def test_an_interrupted_exploration_says_what_is_missing(study, calls, monkeypatch):
    def interrupted(landscape, atlas, *_):
        atlas.exploration = Exploration("interrupted", 10**6, 0, 1, 0.0, 0.0)

    monkeypatch.setattr(GROW, interrupted)
    with pytest.warns(UserWarning, match=r"do it by: lossatlas auc small.atlas \(in Python"):
        la.explore(study, progress=False).close()


REFUSED = {
    "no study": (("d2.atlas",), {}, "d2.atlas: is no study file; give the path of a study"),
    "no landscape": ((3, "a.atlas"), {}, "int cannot be explored"),
    "function": ((lambda w: w @ w, "a.atlas"), {}, "function cannot be explored"),
    "missing": (("no.toml",), {}, "no.toml: no such file"),
    "no name": ((wells(),), {}, "only a study gives its atlas a name"),
    "no atlas": ((wells(), 5), {}, "int is no atlas"),
    "no folder": ((wells(), "no/a.atlas"), {}, "there is no folder"),
    "minutes": ((wells(), "a.atlas"), {"minutes": 0}, "minutes: 0 is not a positive number"),
    "strategy": ((wells(), "a.atlas"), {"strategies": ["anneal"]}, "anneal is unknown"),
    "tools": ((wells(), "a.atlas"), {"tools": 5}, "int cannot be used"),
    "other tools": (
        (wells(), "a.atlas"),
        {"tools": la.default_tools(wells("others"))},
        "they are for another landscape",
    ),
    "progress": ((wells(), "a.atlas"), {"progress": 1}, "progress: 1 cannot be used"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_before_anything_is_made(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, keywords, message = REFUSED[case]
    with pytest.raises(la.BadInputError, match=message):
        la.explore(*arguments, **{"progress": False, **keywords})
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_misspelled_is_refused(tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'minuts'"):
        la.explore(wells(), tmp_path / "a.atlas", minuts=2)  # type: ignore[call-arg]
    assert exploring.explore is la.explore
