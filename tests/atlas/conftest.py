"""An atlas on every database at hand."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from atlas_points import problem
from sqlalchemy import create_engine, make_url, text

from lossatlas.atlas import Atlas


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request, tmp_path: Path) -> Iterator[str]:
    """A place for an atlas that is not there yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "d2.atlas")
        return
    server = os.environ.get("LOSSATLAS_POSTGRESQL")
    if server is None:
        pytest.skip("no server: set LOSSATLAS_POSTGRESQL to the URL of a database")
    name = f"atlas_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def atlas(target: str) -> Iterator[Atlas]:
    with Atlas.create(target, problem()) as atlas:
        yield atlas


@pytest.fixture
def run_id(atlas: Atlas) -> int:
    return atlas.start_run({}, 0, {}, "cpu")


@pytest.fixture
def commit(atlas: Atlas, run_id: int) -> Callable:
    return lambda *attempts: atlas.commit(run_id, attempts)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)
