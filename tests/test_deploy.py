"""Holds the files that deploy a team server to the program that they start."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from trackd_service.bucket_requests import Bucket
from trackd_service.server_command import server_parser
from trackd_service.server_metrics import ServerMetrics, State
from trackd_service.team_server import ServerConfig

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return document


def example(name: str) -> dict[str, str]:
    """Returns the variables of an example of a file of them."""
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda match: variables.get(match[1]) or match[2] or "", text)


def checked(arguments: list[str]) -> ServerConfig:
    """Returns how a server would be run with arguments; fails where it would refuse them."""
    options = server_parser().parse_args(arguments)
    return ServerConfig(
        bucket=Bucket.parse(options.store, options.endpoint_url, options.region, options.profile),
        catalog_url=options.catalog,
        cache=options.cache or Path("cache"),
        host=options.host,
        url=options.url,
        grpc_address=options.grpc_address,
        proxies=tuple(options.behind_proxy.split(",")),
    )


def test_replicas_of_the_compose_file_are_started_as_the_program_takes_it() -> None:
    document, variables = compose(), example("compose.env.example")
    replicas = {name: service for name, service in document["services"].items() if name.startswith("server-")}
    assert len(replicas) == 2
    (network,) = document["networks"]["default"]["ipam"]["config"]
    for service in replicas.values():
        program, *arguments = [filled(each, variables) for each in service["command"]]
        assert program == "server"
        configuration = checked(arguments)
        assert configuration.url == "https://trackd.example"
        assert configuration.grpc_address == "trackd.example:443"
        assert configuration.proxies == (network["subnet"],)
        assert configuration.bucket.endpoint_url == "https://s3.trackd.example"
        assert service["environment"]["TRACKD_CATALOG"].startswith("postgresql://")


def test_every_variable_of_the_compose_file_stands_in_its_example_and_no_secret_in_a_command() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    needed = {name for name, _ in VARIABLE.findall(text)} - {"TRACKD_IMAGE"}
    assert needed == example("compose.env.example").keys()
    for name in needed:
        assert f"${{{name}}}" not in text  # without `:?` an empty one is taken as it is
    for service in compose()["services"].values():
        assert not re.search(r"PASSWORD|SECRET|ACCESS_KEY", str(service.get("command", "")))


def test_the_proxy_alone_is_reached_from_outside_and_knows_each_replica() -> None:
    services = compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    caddyfile = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    replicas = [name for name in services if name.startswith("server-")]
    defaults = server_parser().parse_args(["--store", "s3://bucket"])
    for port in (defaults.http_port, defaults.grpc_port):
        assert f"reverse_proxy {' '.join(f'{name}:{port}' for name in replicas)} {{" in caddyfile
    assert set(re.findall(r"\{\$(\w+)\}", caddyfile)) <= services["proxy"]["environment"].keys()
    assert "reverse_proxy s3:8333" in caddyfile
    assert "-s3.port=8333" in services["s3"]["command"]
    for service in services.values():
        tag = filled(service["image"], {}).partition(":")[2]
        assert tag not in ("", "latest") or filled(service["image"], {}) == "trackd"


def unit() -> list[tuple[str, str]]:
    lines = (DEPLOY / "trackd-server.service").read_text(encoding="utf-8").splitlines()
    return [
        (name, value)
        for name, separator, value in (line.partition("=") for line in lines if not line.startswith("#"))
        if separator
    ]


def test_the_unit_starts_a_server_as_the_program_takes_it() -> None:
    variables = example("server.env.example")
    (line,) = [value for name, value in unit() if name == "ExecStart"]
    named = {name for name, _ in VARIABLE.findall(line)}
    assert named <= variables.keys() | {"CACHE_DIRECTORY"}  # which systemd sets, for CacheDirectory=
    assert {name for name in variables if name.startswith("TRACKD_SERVER_")} <= named
    # As systemd does: words first, then values, of which each stays one word, empty or not.
    words = [
        filled(word, variables | {"CACHE_DIRECTORY": "/var/cache/trackd-server"})
        for word in shlex.split(line)
    ]
    assert words[:2] == ["/opt/trackd/bin/trackd", "server"]
    variables["TRACKD_SERVER_STORE"] = "s3://bucket/prefix"
    arguments = [
        filled(word, variables | {"CACHE_DIRECTORY": "/var/cache/trackd-server"})
        for word in shlex.split(line)[2:]
    ]
    configuration = checked(arguments)
    assert configuration.cache == Path("/var/cache/trackd-server")
    assert configuration.host == "127.0.0.1"
    assert configuration.url == "https://trackd.example"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "trackd-server.service"
    text = (DEPLOY / "trackd-server.service").read_text(encoding="utf-8")
    path.write_text(text.replace("/opt/trackd/bin/trackd", "/bin/true"), encoding="utf-8")
    answer = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (answer.returncode, [line for line in answer.stderr.splitlines() if str(path) in line]) == (0, [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            ["--allowed-host", "a b"],
            "-m|trackd_service|--store|/data|--http-host|0.0.0.0|--http-port|7373|--foreground|--allowed-host|a b",
        ),
        ([], "-m|trackd_service|--store|/data|--http-host|0.0.0.0|--http-port|7373|--foreground"),
        (["server", "--store", "s3://x y"], "-m|trackd_service.server_command|--store|s3://x y"),
        (["server", "add-user", "ada"], "-m|trackd_service.server_command|add-user|ada"),
    ],
)
def test_the_image_runs_the_daemon_or_the_server(given: list[str], expected: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nIFS="|"\nprintf %s "$*"\n', encoding="utf-8")
    python.chmod(0o755)
    answer = subprocess.run(
        ["/bin/sh", str(DEPLOY / "entrypoint.sh"), *given],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == expected
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["trackd-entrypoint"]' in dockerfile
    assert "deploy/entrypoint.sh /usr/local/bin/trackd-entrypoint" in dockerfile
    assert "!deploy/entrypoint.sh" in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_alerts_ask_for_metrics_and_labels_that_a_replica_tells() -> None:
    metrics = ServerMetrics("1", State)
    metrics.observe_request("http", "/", 200, 0.1)
    told: dict[str, set[str]] = {"up": {"job"}}
    for family in text_string_to_metric_families(metrics.exposition()[0].decode()):
        for sample in family.samples:
            told.setdefault(sample.name, {"job"}).update(sample.labels)
    text = (DEPLOY / "prometheus_rules.yaml").read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    guide = (ROOT / "docs" / "team_server.md").read_text(encoding="utf-8")
    for rule in rules:
        asked = re.findall(r"\b((?:trackd|process)_\w+|up)(?:\{([^}]*)\})?", rule["expr"])
        assert asked
        for name, selector in asked:
            assert name in told, name
            assert set(re.findall(r"(\w+)=~?\"", selector)) <= told[name]
        assert f"`{rule['alert']}`" in guide
