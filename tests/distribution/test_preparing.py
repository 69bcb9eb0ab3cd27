"""What workers are sent first."""

from concurrent.futures import ThreadPoolExecutor

from lossatlas.distribution.messages import unpacked
from lossatlas.distribution.preparing import prepare
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
