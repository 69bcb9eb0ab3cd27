"""Pools that the tests of a file share: starting a process and compiling there takes seconds.

They end with the file, since a cluster that waits for work takes a tenth of a core.
"""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest import mock

import pytest
from landscapes import rough_landscape

from lossatlas import ExploreOptions
from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import grow

WANTED = {"transition_states": 60, "width": 48, "seed": 3}


@pytest.fixture(scope="module")
def importable(pytestconfig):
    """Workers find the modules of this folder, and what others have compiled."""
    found = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    own = {
        "PYTHONPATH": os.pathsep.join(found),
        "JAX_COMPILATION_CACHE_DIR": str(pytestconfig.cache.mkdir("compiled-by-workers")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    with mock.patch.dict(os.environ, own):
        yield


@pytest.fixture(scope="module")
def processes(importable):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as executor:
        yield executor


@pytest.fixture(scope="module")
def dask(importable):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    from lossatlas.distribution.clusters import cluster

    sys.stdout.flush()
    with cluster("local:2") as executor:
        yield executor


@pytest.fixture(scope="session")
def landscape():
    return rough_landscape()


@pytest.fixture(scope="session")
def explore(landscape):
    """Explore a new atlas, or one that is there; how it ended."""

    def call(path, **options):
        with Atlas.open_or_create(path, Problem(landscape.fingerprint())) as atlas:
            return grow(landscape, atlas, ExploreOptions(**{**WANTED, **options}))

    return call
