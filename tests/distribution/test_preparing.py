"""What workers are sent first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lossatlas.distribution import deserted, preparing
from lossatlas.distribution.messages import unpacked
from lossatlas.distribution.preparing import prepare
from lossatlas.errors import DataWarning
from lossatlas.landscape import FunctionLandscape
from lossatlas.landscape.device import xla_flags
from lossatlas.search.tools import default_tools
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL


def test_workers_are_sent_the_flags_of_the_start(monkeypatch):
    """A notebook that changes the variable later computes as before, and so do its workers."""
    before = xla_flags()
    monkeypatch.setenv("XLA_FLAGS", f"{before} --xla_cpu_prefer_vector_width=128")
    landscape = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
    with ThreadPoolExecutor(1) as executor:
        sent = prepare(executor, default_tools(landscape), 1, 1)
    computing, _ = unpacked(sent.content)
    assert computing.flags == xla_flags() == before


def test_a_warning_says_that_no_worker_has_joined_yet(monkeypatch):
    class Late(ThreadPoolExecutor):
        """Works as soon as its workers have been counted."""

        def submit(self, function, *arguments):
            return super().submit(lambda: counted.wait(30) and function(*arguments))

    def none_there(executor):
        counted.set()
        return 0

    counted = threading.Event()
    monkeypatch.setattr(preparing, "COUNT_AGAIN", 0.01)
    monkeypatch.setattr(preparing, "slots", none_there)
    monkeypatch.setattr(deserted, "DESERTED", 0.0)
    landscape = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
    with (
        Late(1) as executor,
        pytest.warns(DataWarning, match="no worker has been there"),
    ):
        assert prepare(executor, default_tools(landscape), 1, 1).ability.lanes == 1
