"""Owns the tests of who sees what on a team server: every route and every call there is, found in the application itself."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import grpc
import psycopg
import pytest
import urllib3
from google.protobuf import descriptor_pool, message, message_factory
from google.protobuf.descriptor import FieldDescriptor
from starlette.routing import Route
from tests.s3.uploading import UploadStore, row, wait_for
from tests.server.servers import PASSWORD, Answer, Replica, Team
from tests.server.test_replication import login, run_of

import trackd
from trackd.v1 import (
    records_pb2,
    replication_service_pb2,
    replication_service_pb2_grpc,
    store_service_pb2,
    upload_service_pb2,
)
from trackd_service import grpc_api, http_api, received_runs
from trackd_service.bucket_requests import Bucket
from trackd_service.http_people import OPEN_PATHS
from trackd_service.team_server import ServerConfig, TeamServer

SECRET = "secret-of-vision"  # stands in everything that project A has
PROJECT = f"{SECRET}-project"
RUN = f"{SECRET}-run"
VIEW = "aaaabbbbcccc"
OPEN = {"/health", "/ready", "/{path:path}", *OPEN_PATHS}  # nothing there is anybody's


@dataclass(frozen=True)
class Scene:
    """A server with a project of team vision, and keys of that team and of another one."""

    team: Team
    replica: Replica
    key: str
    other_key: str
    reader_key: str
    project_key: str
    sha256: str


@pytest.fixture(scope="module")
def scene(
    bucket_name: str, s3_server: Any, postgres: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch:
        from tests.s3.uploading import clear_environment

        clear_environment(patch)
        url = f"s3://{bucket_name}/{Path(tmp_path_factory.mktemp('access')).name}"
        with Team.running(url, s3_server.endpoint_url, postgres.new_schema()) as team, UploadStore() as store:
            yield _made(team, store, tmp_path_factory.mktemp("kept"))


def _made(team: Team, store: UploadStore, folder: Path) -> Scene:
    (replica,) = team.replicas
    team.add_member("vision", "ada", "admin")
    team.add_member("vision", "rita", "reader")
    team.add_member("speech", "bob", "admin")
    team.command("add-team", "speech", "--member", "ada", "--role", "admin")
    key = team.add_key("ada", "--scope", "admin")
    done = login(store, replica.url, key, "--team", "vision")
    assert done.returncode == 0, done.stderr
    kept = folder / f"{SECRET}.txt"
    kept.write_text(SECRET)
    with store.init(RUN, project=PROJECT, name=SECRET, config={SECRET: 1}) as run:
        for index in range(10):
            run.log({f"{SECRET}/loss": index, "loss": index, **row(index)})
        run.log({"table": trackd.Table(columns=[SECRET], data=[[SECRET]])})
        run.save(str(kept), base_path=str(folder))
        run.alert(SECRET)
    wait_for(
        lambda: run_of(replica, key, RUN, PROJECT).get("state") == "finished",
        lambda: f"the run on the server: {store.status()} {replica.log.read_text()[-2000:]}",
    )
    files = replica.get(f"/api/v1/projects/{PROJECT}/runs/{RUN}/files", key).json["files"]
    saved = replica.ask(
        "PUT", f"/api/v1/projects/{PROJECT}/views/{VIEW}", key, {"name": SECRET, "document": {"version": 1}}
    )
    assert saved.status == 200, saved.content
    return Scene(
        team,
        replica,
        key,
        team.add_key("bob", "--scope", "admin"),
        team.add_key("rita", "--scope", "admin"),
        team.add_key("ada", "--scope", "admin", "--project", "another"),
        next(file["sha256"] for file in files if file["path"] == kept.name),
    )


# -- HTTP ------------------------------------------------------------------------------------------------------------


def routes() -> list[tuple[str, str]]:
    """Returns (method, path) of every route of the application, as it composes them."""
    server = TeamServer(ServerConfig(Bucket("s3://none"), "", Path("none")), "0")
    app: Any = http_api.make_app(mock.Mock(), set(), mock.Mock(), server.routes(mock.Mock()))
    return [
        (method, route.path)
        for route in app._app.routes
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def ask(scene: Scene, method: str, path: str, key: str) -> Answer:
    """Asks a route for all that project A has, in every way in which routes are asked."""
    names = {
        "project": PROJECT, "run": RUN, "view": VIEW, "sha256": scene.sha256,
        "path": f"{SECRET}.txt", "id": "lineplot", "team": "vision", "user": "ada", "key": "0" * 12,
    }  # fmt: skip
    address = re.sub(r"{(\w+)(?::path)?}", lambda found: quote(names.get(found[1], SECRET)), path)
    asked = {"project": PROJECT, "with": RUN, "key": f"{SECRET}/loss", "kind": "number", "runs": RUN}
    series = [{"project": PROJECT, "run": RUN, "key": f"{SECRET}/loss"}]
    body = {
        "series": series, "run_ids": [RUN], "runs": [RUN], "target": "summary.loss", "name": "changed", "add_tags": ["x"],
        "document": {"version": 1}, "columns": ["name"], "title": "x", "specification": {},
    }  # fmt: skip
    sent = body if method in ("POST", "PUT") else None
    return scene.replica.ask(method, f"{address}?{urlencode(asked)}", key, sent)


ROUTES = routes()
IDS = [f"{method} {path}" for method, path in ROUTES]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=IDS)
def test_no_route_answers_without_a_key(scene: Scene, method: str, path: str) -> None:
    if path in OPEN:
        assert SECRET.encode() not in ask(scene, method, path, "").content
        return
    for key in ("", "trackd_nonsense", scene.key[:-1] + ("a" if scene.key[-1] != "a" else "b")):
        answer = ask(scene, method, path, key)
        assert answer.status == 401, (key[:12], answer)
        assert answer.json["error"]["reason"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=IDS)
def test_no_route_shows_or_changes_a_project_of_others(scene: Scene, method: str, path: str) -> None:
    for key in (scene.other_key, scene.project_key):
        answer = ask(scene, method, path, key)
        assert answer.status != 500, answer
        # What was asked for may be named in a refusal; what is there may not.
        told = answer.content.replace(PROJECT.encode(), b"").replace(RUN.encode(), b"")
        told = told.replace(f"{SECRET}.txt".encode(), b"").replace(f"{SECRET}/loss".encode(), b"")
        assert SECRET.encode() not in told, answer
        if answer.status == 200 and method != "GET":
            assert "query" in path or "csv" in path or "rows" in path, f"{method} {path} was done: {answer}"


def test_what_others_were_refused_is_there_for_the_team(scene: Scene) -> None:
    shown = [
        f"{method} {path}"
        for method, path in ROUTES
        if method == "GET" and SECRET.encode() in ask(scene, method, path, scene.key).content
    ]
    assert len(shown) >= 10, shown
    found = run_of(scene.replica, scene.key, RUN, PROJECT)
    assert (found["name"], found["tags"]) == (SECRET, [])


def test_a_reader_sees_and_changes_nothing(scene: Scene) -> None:
    replica, place = scene.replica, f"/api/v1/projects/{PROJECT}"
    assert run_of(replica, scene.reader_key, RUN, PROJECT)["name"] == SECRET
    for method, path, body in (
        ("POST", f"{place}/runs:edit", {"run_ids": [RUN], "name": "x"}),
        ("POST", f"{place}/runs:delete", {"run_ids": [RUN]}),
        ("PUT", f"{place}/views/{VIEW}", {"name": "x", "document": {"version": 1}}),
        ("DELETE", f"{place}/views/{VIEW}", None),
        ("PUT", "/api/v1/presets/x", {"title": "x", "specification": {}}),
    ):
        answer = replica.ask(method, path, scene.reader_key, body)
        assert (answer.status, answer.json["error"]["reason"]) == (403, "PERMISSION_DENIED"), answer


def test_a_chart_of_many_runs_is_of_own_projects(scene: Scene) -> None:
    group = {"project": PROJECT, "key": "loss", "group": {"id": "all", "runs": [RUN]}}
    answers = [
        scene.replica.ask("POST", "/api/v1/series:query", key, {"series": [group]})
        for key in (scene.key, scene.other_key)
    ]
    assert [answer.status for answer in answers] == [200, 404]


def test_a_page_and_its_socket_tell_of_own_projects_alone(scene: Scene) -> None:
    from websockets.sync.client import connect

    for key, expected in ((scene.key, [RUN]), (scene.other_key, []), (scene.project_key, [])):
        with connect(
            f"ws://127.0.0.1:{scene.replica.http_port}/api/v1/live",
            additional_headers={"Authorization": f"Bearer {key}"},
        ) as socket:
            first = json.loads(socket.recv(timeout=60))
            assert [run["run_id"] for run in first["runs"]] == expected


# -- gRPC ------------------------------------------------------------------------------------------------------------


def calls() -> list[tuple[str, Any]]:
    """Returns (path, descriptor) of every call of every service of the contract."""
    pool = descriptor_pool.Default()
    names = [
        *grpc_api.SERVICES,
        replication_service_pb2.DESCRIPTOR.services_by_name["ReplicationService"].full_name,
    ]
    assert {
        store_service_pb2.DESCRIPTOR.name,
        upload_service_pb2.DESCRIPTOR.name,
    }  # known to the pool by being loaded
    return [
        (f"/{name}/{method.name}", method)
        for name in names
        for method in pool.FindServiceByName(name).methods
    ]


def filled(scene: Scene, kind: Any, depth: int = 0) -> message.Message:
    """Returns a request that names all that project A has."""
    made = message_factory.GetMessageClass(kind)()
    texts = {
        "project": PROJECT, "run_id": RUN, "sha256": scene.sha256, "path": f"{SECRET}.txt", "id": "lineplot",
        "key": f"{SECRET}/loss", "keys": f"{SECRET}/loss", "name": "changed", "team": "speech",
    }  # fmt: skip
    for field in kind.fields:
        if field.containing_oneof is not None and field.containing_oneof.fields[0] is not field:
            continue
        value: Any
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.is_repeated or depth > 4:
                continue
            value = filled(scene, field.message_type, depth + 1)
            getattr(made, field.name).CopyFrom(value)
        elif field.type == FieldDescriptor.TYPE_STRING and field.name in texts:
            if field.is_repeated:
                getattr(made, field.name).append(texts[field.name])
            else:
                setattr(made, field.name, texts[field.name])
    return made


def call(scene: Scene, path: str, method: Any, key: str) -> tuple[grpc.StatusCode, bytes]:
    """Calls, and returns the status and the bytes of all answers."""
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    answers: list[bytes] = []
    with grpc.insecure_channel(f"127.0.0.1:{scene.replica.grpc_port}") as opened:
        channel: Any = opened
        request = filled(scene, method.input_type).SerializeToString()
        options: Any = {"metadata": metadata, "timeout": 3.0 if method.name == "WatchRuns" else 30.0}
        try:
            if method.client_streaming:
                answers.append(channel.stream_unary(path)(iter([request]), **options))
            elif method.server_streaming:
                answers += channel.unary_stream(path)(request, **options)
            else:
                answers.append(channel.unary_unary(path)(request, **options))
        except grpc.RpcError as error:
            return error.code(), b"".join(answers) + str(error.details()).encode()
    return grpc.StatusCode.OK, b"".join(answers)


CALLS = calls()


@pytest.mark.parametrize(("path", "method"), CALLS, ids=[path for path, _ in CALLS])
def test_no_call_is_answered_without_a_key(scene: Scene, path: str, method: Any) -> None:
    for key in ("", "trackd_nonsense"):
        status, told = call(scene, path, method, key)
        assert status in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED), told


@pytest.mark.parametrize(("path", "method"), CALLS, ids=[path for path, _ in CALLS])
def test_no_call_shows_or_changes_a_project_of_others(scene: Scene, path: str, method: Any) -> None:
    for key in (scene.other_key, scene.project_key):
        status, told = call(scene, path, method, key)
        assert status not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), told
        for named in (PROJECT, RUN, f"{SECRET}.txt", f"{SECRET}/loss"):
            told = told.replace(named.encode(), b"")
        assert SECRET.encode() not in told
    assert run_of(scene.replica, scene.key, RUN, PROJECT)["name"] == SECRET


def test_questions_are_answered_to_the_team(scene: Scene) -> None:
    answered = {
        method.name
        for path, method in CALLS
        if "Query" in path
        and SECRET.encode() in call(scene, path, method, scene.key)[1].replace(PROJECT.encode(), b"")
    }
    assert {"GetRun", "ListRuns", "ReadSeries", "ReadFile", "ReadObject", "ListFiles"} <= answered, answered


def test_files_are_signed_for_reading_to_who_may_see_their_run_alone(scene: Scene) -> None:
    name = f"files/{scene.sha256[:2]}/{scene.sha256}"

    def urls(key: str, project: str, run_id: str) -> list[str]:
        request = replication_service_pb2.SignReadsRequest(
            run=records_pb2.RunIdentity(project=project, run_id=run_id),
            names=[name, "files/../secret", "segments/0123456789abcdef/none.parquet", ""],
        )
        with grpc.insecure_channel(f"127.0.0.1:{scene.replica.grpc_port}") as channel:
            stub: Any = replication_service_pb2_grpc.ReplicationServiceStub(channel)
            return list(
                stub.SignReads(request, metadata=(("authorization", f"Bearer {key}"),), timeout=60).urls
            )

    url, *others = urls(scene.reader_key, PROJECT, RUN)
    assert urllib3.request("GET", url).data == SECRET.encode()
    assert others == ["", "", ""]
    for key in (scene.other_key, scene.project_key):
        with pytest.raises(grpc.RpcError, match="is not in project"):
            urls(key, PROJECT, RUN)


def test_a_password_is_no_key(scene: Scene) -> None:
    assert scene.replica.get("/api/v1/projects", PASSWORD).status == 401


def test_the_description_of_the_api_has_each_route_and_nothing_else(scene: Scene) -> None:
    described = {
        (method.upper(), re.sub(r"{(path|id)}", r"{\1:path}", path))
        for path, methods in scene.replica.get("/api/v1/openapi.json", scene.key).json["paths"].items()
        for method in methods
    }
    assert described == set(ROUTES) - {("GET", "/{path:path}")}


def test_the_sha256_of_what_others_have_is_not_enough_to_read_it(scene: Scene) -> None:
    """A manifest of one's own that lists an object makes it readable: its bytes must have been put for this project."""
    content = SECRET.encode()
    assert hashlib.sha256(content).hexdigest() == scene.sha256
    name = f"files/{scene.sha256[:2]}/{scene.sha256}"
    metadata = (("authorization", f"Bearer {scene.other_key}"),)
    with psycopg.connect(scene.team.catalog_url) as connection:
        (stored,) = connection.execute(
            "SELECT content FROM manifests JOIN runs USING (run_key) WHERE project = %s", (PROJECT,)
        ).fetchone() or (b"",)
    manifest = received_runs.unpack(bytes(stored))
    document = {**manifest.document, "project": "thief", "run_id": "taken"}
    manifest = replace(manifest, document=document, segments=[], objects={scene.sha256: len(content)})
    commit = replication_service_pb2.CommitRunRequest(manifest=zlib.compress(manifest.dump()))
    asked = replication_service_pb2.SignFilesRequest(
        run=records_pb2.RunIdentity(project="thief", run_id="taken"),
        files=[replication_service_pb2.SentFile(name=name, sha256=scene.sha256, size_bytes=len(content))],
    )

    def read() -> Answer:
        return scene.replica.get(f"/api/v1/objects/{scene.sha256}", scene.other_key)

    with grpc.insecure_channel(f"127.0.0.1:{scene.replica.grpc_port}") as channel:
        stub = replication_service_pb2_grpc.ReplicationServiceStub(channel)
        (put,) = stub.SignFiles(asked, timeout=60, metadata=metadata).puts
        assert not put.is_there  # nor is told that others have it
        with pytest.raises(grpc.RpcError) as refused:
            stub.CommitRun(commit, timeout=60, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert "put them again" in str(refused.value.details())
        assert read().status == 404
        # Another content, under this name, is not taken from anybody.
        for wrong in (content + b"x", content[::-1]):
            answer = urllib3.request("PUT", put.url, body=wrong, headers=dict(put.headers))
            assert answer.status in (400, 403), answer.data
        with pytest.raises(grpc.RpcError):
            stub.CommitRun(commit, timeout=60, metadata=metadata)
        answer = urllib3.request("PUT", put.url, body=content, headers=dict(put.headers))
        assert answer.status == 200, answer.data
        assert not stub.CommitRun(commit, timeout=60, metadata=metadata).is_deleted
    assert read().content == content
    assert scene.replica.get(f"/api/v1/objects/{scene.sha256}", scene.key).content == content
