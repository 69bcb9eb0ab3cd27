"""An atlas on every database at hand."""

import os
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from atlas_points import problem
from postgresql_server import server, why_none
from sqlalchemy import create_engine, make_url, text

from lossatlas.atlas import Atlas


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server: that of LOSSATLAS_POSTGRESQL, else one that is started for the tests."""
    if "LOSSATLAS_POSTGRESQL" in os.environ:
        yield os.environ["LOSSATLAS_POSTGRESQL"]
        return
    missing = why_none()
    if missing is not None:
        pytest.skip(missing)
    with server() as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"atlas_{uuid.uuid4().hex}"
    admin = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgresql).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def target(request, tmp_path: Path) -> str:
    """A place for an atlas that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "d2.atlas")
    return request.getfixturevalue("postgresql_database")


@pytest.fixture
def atlas(target: str) -> Iterator[Atlas]:
    with Atlas.create(target, problem()) as atlas:
        yield atlas


@pytest.fixture
def run_id(atlas: Atlas) -> int:
    return atlas.start_run({}, 0, {}, "cpu")


@pytest.fixture
def commit(atlas: Atlas, run_id: int) -> Callable:
    keys = (f"batch {k}" for k in count(1))
    return lambda *attempts: atlas.commit(run_id, attempts, next(keys))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)
