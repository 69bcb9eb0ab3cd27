"""Parsl's pool of workers makes the same atlas."""

import pytest
from content import content

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,  # its workers begin within half a minute
]


def test_parsl_makes_the_same_atlas(explore, importable, tmp_path):
    reason = "no Parsl: pip install 'lossatlas[parsl]'"
    parsl = pytest.importorskip("parsl", reason=reason, exc_type=ImportError)
    from parsl.concurrent import ParslPoolExecutor
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    explore(tmp_path / "here")
    workers = HighThroughputExecutor(
        label="local",
        address="127.0.0.1",
        loopback_address="127.0.0.1",
        max_workers_per_node=2,
        cores_per_worker=0.5,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    config = parsl.Config(executors=[workers], run_dir=str(tmp_path / "parsl"), usage_tracking=0)
    with ParslPoolExecutor(config=config) as executor:
        explore(tmp_path / "there", executor=executor)
    assert content(tmp_path / "there") == content(tmp_path / "here")
