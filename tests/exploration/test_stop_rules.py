"""Settings of an exploration: one description for Python, studies and the command line."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions
from lossatlas.exploration.tasks import Strategy
from lossatlas.studies.study import Explore

BAD = {
    "minutes": [0, -1, math.nan, math.inf, "2", True],
    "cpu_minutes": [0, -0.5],
    "minima": [0, 2.5, -3, "9"],
    "transition_states": [0, False],
    "until": [0, 1, 1.5, -0.1],
    "independent_share": [-0.1, 1.1],
    "aim": ["both", "Connected", 1, True],
    "seed": [-1, 2**63, 0.5],
    "lanes": [0, 10**6 + 1, 10**400],
    "workers": [0, "two"],
    "width": [0, 1, -48, 2.5, "48", True, math.nan, 10**6 + 1, 10**400],
}
GOOD = {
    "minutes": [0.1, 3, np.float64(2.5), np.int64(4)],
    "cpu_minutes": [1e-3],
    "minima": [1, np.int64(7)],
    "transition_states": [10**6],
    "until": [0.5, 0.999],
    "independent_share": [0, 1, 0.3],
    "aim": ["all", "connected"],
    "seed": [0, 2**63 - 1],
    "lanes": [1, 10**6],
    "workers": [64],
    "width": [2, 49, np.int64(192), 10**6],
}


def cases(values):
    return [(name, value) for name, some in values.items() for value in some]


def test_every_setting_is_tried_here():
    assert list(BAD) == list(GOOD) == list(SETTINGS) == list(Explore.model_fields)


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_python_and_studies_refuse_the_same(name, value):
    with pytest.raises(BadInputError, match=SETTINGS[name].allowed.replace("^", r"\^")) as found:
        ExploreOptions(**{name: value})
    assert found.value.where == f"explore: {name}"
    with pytest.raises(ValidationError):
        Explore(**{name: value})


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_what_python_takes_is_recorded_as_plain_numbers(name, value):
    recorded = ExploreOptions(**{name: value}).record()
    assert json.loads(json.dumps(recorded))[name] == value
    if not isinstance(value, np.generic):
        assert getattr(Explore(**{name: value}), name) == value


def test_examples_are_allowed_and_defaults_agree():
    for name, setting in SETTINGS.items():
        assert setting.allows(setting.kind(setting.example)), name
    defaults = ExploreOptions().record()
    assert Explore().model_dump() == {name: defaults[name] for name in SETTINGS}


def test_what_needs_draws_has_some():
    with pytest.raises(BadInputError, match="nothing can be said about completeness"):
        ExploreOptions(until=0.9, independent_share=0)
    draws = Strategy("mine", lambda view: iter(()), draws="minima")
    with pytest.raises(BadInputError, match="share: all given strategies make independent draws"):
        ExploreOptions(strategies=[draws])
    assert ExploreOptions(strategies=[draws], independent_share=1.0).record()["strategies"] == [
        "mine"
    ]


def test_rules_say_when_enough_is_enough():
    options = ExploreOptions(minutes=1, cpu_minutes=2, minima=5, transition_states=9)
    assert [options.enough(*n) for n in ((4, 8), (5, 0), (0, 9))] == [False, True, True]
    assert [options.seconds_left(*t) for t in ((59, 119), (60, 0), (0, 120))] == [1.0, 0.0, 0.0]
    assert ExploreOptions().seconds_left(1e9, 1e9) == np.inf


def test_another_run_has_what_is_left_of_the_time():
    options = ExploreOptions(cpu_minutes=20, minutes=12, transition_states=7, seed=3)
    left = options.after(seconds=120, cpu_seconds=180)
    assert left == ExploreOptions(cpu_minutes=17, minutes=10, transition_states=7, seed=3)
    assert ExploreOptions(minima=5).after(1e9, 1e9) == ExploreOptions(minima=5)
    with pytest.raises(BadInputError, match=r"explore: minutes: 0\.0 is not a positive number"):
        options.after(seconds=720, cpu_seconds=0)


def test_settings_load_nothing_heavy():
    """The command line makes its options from them at every start."""
    code = (
        "import sys, lossatlas.exploration.stop_rules as s; s.ExploreOptions(minutes=1); "
        "print([m for m in ('jax', 'numpy', 'scipy', 'pandas', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
