"""The ports of `iu dev`: their URLs, and ports that are refused."""

from __future__ import annotations

import socket

import pytest

from iu_pipelines.errors import UsageError
from iu_pipelines.hosting.ports import METRICS_PORT, Ports, evidence_port, metrics_port


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:3000"), ("::1", "http://[::1]:3000")]
)
def test_a_url_is_built_for_ipv4_and_ipv6(host: str, url: str) -> None:
    assert Ports(host, 3000, 4000).web_url == url


def test_there_is_no_evidence_url_without_an_evidence_port() -> None:
    assert Ports("127.0.0.1", 3000, 4000).evidence_url == "http://127.0.0.1:4000"
    assert Ports("127.0.0.1", 3000, None).evidence_url is None


def test_there_is_no_url_of_metrics_without_a_port() -> None:
    assert Ports("::1", 3000, None, 4500).metrics_url == "http://[::1]:4500/metrics"
    assert Ports("127.0.0.1", 3000, None).metrics_url is None


@pytest.mark.parametrize(
    ("port", "other"), [(3000, 4000), (64_535, 65_535), (64_536, 63_536), (65_535, 64_535)]
)
def test_the_default_evidence_port_is_valid(port: int, other: int) -> None:
    assert evidence_port(port) == other


@pytest.mark.parametrize(("port", "other"), [(3000, METRICS_PORT), (64_035, 65_535), (64_036, 62_536)])
def test_the_default_port_of_the_metrics_is_valid(port: int, other: int) -> None:
    assert metrics_port(port) == other


def test_the_same_port_for_both_servers_is_refused() -> None:
    with pytest.raises(UsageError, match="port 3000 is given twice"):
        Ports("127.0.0.1", 3000, 3000).require_free()
    with pytest.raises(
        UsageError, match="port 4000 is given twice, as --evidence-port and as --metrics-port"
    ):
        Ports("127.0.0.1", 3000, 4000, 4000).require_free()


def test_a_port_in_use_is_refused_with_its_number() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}") as refused:
            Ports("127.0.0.1", port, None).require_free()
    assert refused.value.hint
