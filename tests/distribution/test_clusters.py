"""Addresses of clusters: refused before anything starts, with what to write instead."""

import os
import signal
import socket
import time
from types import SimpleNamespace
from unittest import mock

import pytest

from lossatlas.distribution import clusters
from lossatlas.errors import BadInputError, ClusterError
from lossatlas.landscape import device

BAD = [
    "",
    "local",
    "local:",
    "local:0",
    "local:-1",
    "local:two",
    "local:1.5",
    "local:99999",
    "local:²",
    "tcp://",
    "tcp://host",
    "tcp://host:",
    "tcp://host:port",
    "tcp://host:0",
    "tcp://host:70000",
    "tcp://user@host:8786",
    "http://host:8786",
    "host:8786",
    "scheduler.toml",
    "no/such/folder/scheduler.json",
]


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadInputError, match="--cluster: "):
        clusters.check_address(address)


@pytest.mark.parametrize(
    "address", ["local:1", "tcp://host:8786", "tls://10.0.0.1:8786", "tcp://[::1]:1", "a.json"]
)
def test_addresses(address):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    clusters.check_address(address)


def test_the_extra_is_named_where_it_is_missing():
    with (
        mock.patch.dict("sys.modules", {"distributed": None}),
        pytest.raises(BadInputError, match=r"pip install 'lossatlas\[cluster\]'"),
    ):
        clusters.check_address("local:2")


def test_a_scheduler_that_is_not_there(monkeypatch):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match="cannot be reached"), clusters.cluster(address):
            pass


def test_a_scheduler_file_that_never_comes(monkeypatch, tmp_path):
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    monkeypatch.setattr(clusters, "FILE_SECONDS", 0.1)
    with (
        pytest.raises(ClusterError, match="no scheduler has written this file"),
        clusters.cluster(str(tmp_path / "scheduler.json")),
    ):
        pass


def test_a_local_cluster_cannot_be_reached_from_elsewhere(dask):
    client = dask._client
    found = client.scheduler_info(n_workers=-1)
    addresses = [found["address"], *found["workers"], clusters.dashboard(dask)]
    assert all("//127.0.0.1:" in address for address in addresses)


def test_a_process_that_dask_gives_up_is_started_again(monkeypatch):
    """Dask gives it up if it is not back after 15 seconds, here a tenth of a second."""
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    from dask import config

    monkeypatch.setattr(clusters, "RESTART_SECONDS", 0.5)
    with (
        config.set({"distributed.deploy.lost-worker-timeout": "100 ms"}),
        clusters.cluster("local:1") as executor,
    ):
        first = executor.submit(os.getpid).result()
        (given_up,) = executor._client.cluster.workers.values()
        os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 60
        while given_up.status.name != "closed" and time.monotonic() < until:
            time.sleep(0.05)
        assert given_up.status.name == "closed"
        assert executor.submit(os.getpid).result(timeout=60) != first


@pytest.mark.parametrize(("platform", "threads"), [("cpu", 1), ("gpu", clusters.BATCHES)])
def test_processes_that_share_a_card_make_many_batches_at_once(monkeypatch, platform, threads):
    distributed = pytest.importorskip("distributed", reason="no Dask")
    started = []
    monkeypatch.setattr(distributed, "LocalCluster", lambda **options: started.append(options))
    monkeypatch.setattr(device, "device", lambda: SimpleNamespace(platform=platform))
    clusters._local(3)
    assert [(options["n_workers"], options["threads_per_worker"]) for options in started] == [
        (3, threads)
    ]


def test_secured_connections_are_those_that_dask_is_configured_for(tmp_path, monkeypatch):
    """An address tls:// is spoken to with the certificates that Dask's configuration names."""
    pytest.importorskip("distributed", reason="no Dask: pip install 'lossatlas[cluster]'")
    pytest.importorskip("cryptography", reason="no certificates can be made")
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    own = Security.temporary()
    names = {"ca-file": own.tls_ca_file, "cert": own.tls_client_cert, "key": own.tls_client_key}
    files = {name: tmp_path / name for name in names}
    for name, content in names.items():
        files[name].write_text(content)
    settings = {"distributed.comm.tls.ca-file": str(files["ca-file"])}
    for role in ("client", "scheduler", "worker"):
        for name in ("cert", "key"):
            settings[f"distributed.comm.tls.{role}.{name}"] = str(files[name])
    kind = {"n_workers": 1, "processes": False, "host": "127.0.0.1", "dashboard_address": None}
    with (
        LocalCluster(**kind, security=own, protocol="tls://", silence_logs=50) as secured,
        dask.config.set(settings),
        clusters.cluster(secured.scheduler_address) as executor,
    ):
        assert secured.scheduler_address.startswith("tls://")
        assert executor.submit(sum, [1, 2]).result() == 3
