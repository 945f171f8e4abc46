from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from trackd_service.notifier import (
    TARGETS_MAX,
    Command,
    Configuration,
    Limits,
    Notice,
    Notifier,
    Target,
    Webhook,
    load,
    save,
)

NOTICE = Notice(
    "digits", "3kf81mzq", "brisk-otter", "nan(loss)", "loss is NaN at step 7", "WARN", 1.5e12, "http://h/r"
)
QUICK = Limits(webhook_seconds=20, command_seconds=20, pauses_seconds=(0.01, 0.01, 0.01))
HASTY = Limits(webhook_seconds=0.2, command_seconds=0.2, pauses_seconds=())
ENOUGH_SECONDS = 60.0


@dataclass
class Server:
    """An HTTP server that answers as a test says, and remembers what it was asked."""

    answers: list[Any] = field(
        default_factory=list
    )  # a status, or a function of the handler; 204 behind them
    requests: list[tuple[str, Any, Any]] = field(default_factory=list)  # path, headers, JSON
    is_over: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append((self.path, self.headers, json.loads(body)))
            answer = server.answers.pop(0) if server.answers else 204
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        server.url = f"http://127.0.0.1:{http_server.server_address[1]}"
        yield server
        server.is_over.set()
        http_server.shutdown()
        thread.join()


Make = Callable[..., Notifier]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make_notifier(*targets: Target, limits: Limits = QUICK) -> Notifier:
        path = tmp_path / "alerts.json"
        save(path, Configuration(targets=targets))
        return Notifier(path, os.environ, limits)

    return make_notifier


async def send(notifier: Notifier, *notices: Notice) -> dict[str, Any]:
    """Sends alerts and waits until nothing more can become of them."""
    for notice in notices or (NOTICE,):
        await notifier.notify(notice)
    await notifier.close(ENOUGH_SECONDS)
    return notifier.describe()


def python(program: str) -> Command:
    return Command((sys.executable, "-c", program))


# -- webhooks --------------------------------------------------------------------------------------------------------------


async def test_a_webhook_is_posted_the_alert_as_json(server: Server, make: Make) -> None:
    done = await send(make(Webhook(f"{server.url}/hook/a%20b?key=1")))
    ((path, headers, body),) = server.requests
    assert path == "/hook/a%20b?key=1"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert body == {"version": 1, **asdict(NOTICE)}
    assert (done["sent_count"], done["failed_count"]) == (1, 0)


async def test_a_webhook_that_fails_twice_is_tried_a_third_time(server: Server, make: Make) -> None:
    server.answers = [500, 429, 200]
    done = await send(make(Webhook(server.url)))
    assert len(server.requests) == 3
    assert (done["sent_count"], done["failed_count"]) == (1, 0)


async def test_a_webhook_that_goes_on_failing_is_given_up(server: Server, make: Make) -> None:
    server.answers = [503] * 4
    done = await send(make(Webhook(server.url)), NOTICE, NOTICE)
    assert len(server.requests) == 5
    assert (done["sent_count"], done["failed_count"]) == (1, 1)
    assert done["targets"][0]["last_problem"] == "HTTP status 503"


async def test_what_a_webhook_refuses_is_not_tried_again(server: Server, make: Make) -> None:
    server.answers = [404]
    done = await send(make(Webhook(server.url)))
    assert len(server.requests) == 1
    assert done["targets"][0]["last_problem"] == "HTTP status 404"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: Server, make: Make, status: int) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{server.url}/inner")
        handler.end_headers()

    server.answers = [redirect]
    done = await send(make(Webhook(f"{server.url}/outer")))
    assert [path for path, *_ in server.requests] == ["/outer"]
    assert f"HTTP status {status}: redirects are not followed" in done["targets"][0]["last_problem"]


async def test_a_proxy_of_the_environment_is_not_asked(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await send(make(Webhook(server.url))))["sent_count"] == 1


async def test_a_webhook_that_hangs_is_given_up_in_time(server: Server, make: Make) -> None:
    server.answers = [lambda _: server.is_over.wait()]
    done = await send(make(Webhook(server.url), limits=HASTY))
    assert done["failed_count"] == 1
    # Whichever of the two limits is first: of a step, or of the whole request.
    assert done["targets"][0]["last_problem"] in ("no answer within 0.2 s", "TimeoutError: timed out")


async def test_a_webhook_that_answers_a_byte_at_a_time_is_given_up_in_time(
    server: Server, make: Make
) -> None:
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
        try:
            while not server.is_over.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:  # the other side has closed the connection
            ended.set()

    server.answers = [drip]
    done = await send(make(Webhook(server.url), limits=HASTY))
    assert done["targets"][0]["last_problem"] == "no answer within 0.2 s"
    assert await asyncio.to_thread(ended.wait, ENOUGH_SECONDS)


async def test_a_host_that_refuses_is_a_failure_with_a_sentence(make: Make) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refused
        done = await send(make(Webhook(f"http://127.0.0.1:{unused.getsockname()[1]}/secret")))
    assert done["failed_count"] == 1
    assert "ConnectionRefusedError" in done["targets"][0]["last_problem"]


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """What a server needs for TLS with a certificate that it has signed itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    made = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run([openssl, *made.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    make: Make, self_signed: ssl.SSLContext
) -> None:
    shaken: list[str] = []

    def accept(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                self_signed.wrap_socket(connection, server_side=True).close()
            except OSError as error:
                shaken.append(type(error).__name__)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        done = await send(make(Webhook(f"https://localhost:{listener.getsockname()[1]}/")))
        thread.join()
    assert shaken == ["SSLError"]
    assert done["targets"][0]["last_problem"].startswith("the certificate is not good: self")


async def test_slack_is_sent_text_that_mentions_nobody(server: Server, make: Make) -> None:
    notice = replace(NOTICE, title="<!channel> & co", level="ERROR")
    await send(make(Webhook(server.url, "slack")), notice)
    ((*_, body),) = server.requests
    assert body == {
        "text": "*ERROR: &lt;!channel&gt; &amp; co*\nloss is NaN at step 7\ndigits/brisk-otter\nhttp://h/r"
    }


async def test_discord_is_sent_text_that_mentions_nobody_and_is_short_enough(
    server: Server, make: Make
) -> None:
    await send(make(Webhook(server.url, "discord")), replace(NOTICE, text="@everyone " * 1000, url=""))
    ((*_, body),) = server.requests
    assert body["allowed_mentions"] == {"parse": []}
    assert body["content"].startswith("**WARN: nan(loss)**\n@everyone")
    assert len(body["content"]) == 2000


# -- commands --------------------------------------------------------------------------------------------------------------


async def test_a_command_gets_the_alert_as_json_and_in_variables(make: Make, tmp_path: Path) -> None:
    program = f"""
import json, os, sys
given = {{name: value for name, value in os.environ.items() if name.startswith("TRACKD_ALERT_")}}
json.dump([json.load(sys.stdin), given], open({str(tmp_path / "seen")!r}, "w"))
"""
    done = await send(make(python(program)))
    assert done["sent_count"] == 1
    document, variables = json.loads((tmp_path / "seen").read_text())
    assert document == {"version": 1, **asdict(NOTICE)}
    assert variables == {f"TRACKD_ALERT_{name.upper()}": str(value) for name, value in asdict(NOTICE).items()}


async def test_what_an_alert_says_is_never_run(make: Make, tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/bad); touch {tmp_path}/bad `touch {tmp_path}/bad`"
    notice = replace(NOTICE, title=hostile, text=hostile, run_name=hostile)
    command = Command(("/bin/sh", "-c", f'printf %s "$TRACKD_ALERT_TITLE" > {tmp_path}/seen'))
    assert (await send(make(command), notice))["sent_count"] == 1
    assert (tmp_path / "seen").read_text() == hostile
    assert not (tmp_path / "bad").exists()


async def test_any_text_reaches_a_command(make: Make, tmp_path: Path) -> None:
    text = "a\0b\ud800c\nµ" + "x" * 1_000_000
    program = (
        f"import json, sys; open({str(tmp_path / 'seen')!r}, 'w').write(ascii(json.load(sys.stdin)['text']))"
    )
    done = await send(make(python(program)), replace(NOTICE, text=text))
    assert done["sent_count"] == 1
    assert (tmp_path / "seen").read_text() == ascii(text)


async def test_a_command_that_does_not_read_is_no_failure(make: Make) -> None:
    done = await send(make(python("")), replace(NOTICE, text="x" * 1_000_000))
    assert (done["sent_count"], done["failed_count"]) == (1, 0)


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("raise SystemExit(3)", "it left with exit code 3"),
        ("import os; os.kill(os.getpid(), 15)", "it was ended by signal 15"),
    ],
)
async def test_a_command_that_fails_is_not_tried_again(
    program: str, problem: str, make: Make, tmp_path: Path
) -> None:
    done = await send(make(python(f"open({str(tmp_path / 'tries')!r}, 'a').write('x')\n{program}")))
    assert (done["failed_count"], done["targets"][0]["last_problem"]) == (1, problem)
    assert (tmp_path / "tries").read_text() == "x"


async def test_a_command_that_is_not_there_is_a_failure_with_a_sentence(make: Make) -> None:
    done = await send(make(Command(("/no/such/program",))))
    assert done["targets"][0]["last_problem"].startswith("it could not be started: ")


async def test_a_command_over_its_time_is_killed_with_its_children(
    make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    # The limit counts from the start of the interpreter, so the child is a quick one.
    command = Command(("/bin/sh", "-c", f"sleep 1000 & echo $! > {tmp_path}/pid; wait"))
    done = await send(make(command, limits=replace(HASTY, command_seconds=1)))
    assert done["targets"][0]["last_problem"] == "it took longer than 1 s and was killed"
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


async def test_a_process_that_a_command_leaves_behind_is_not_waited_for(make: Make, tmp_path: Path) -> None:
    command = Command(("/bin/sh", "-c", f"sleep 1000 & echo $! > {tmp_path}/pid; echo done"))
    try:
        done = await send(make(command))
        assert (done["sent_count"], done["failed_count"]) == (1, 0)
    finally:
        psutil.Process(int((tmp_path / "pid").read_text())).kill()


async def test_the_output_of_a_command_goes_to_the_log_and_a_flood_is_cut(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trackd.notifier")
    flood = "import sys; print('hello'); sys.stderr.write('x' * 10_000_000)"
    assert (await send(make(python(flood))))["sent_count"] == 1
    (said,) = [record.getMessage() for record in caplog.records if " said: " in record.getMessage()]
    assert "xxx" in said
    assert len(said) < 5000


# -- queues ----------------------------------------------------------------------------------------------------------------


async def test_only_the_levels_and_projects_that_a_target_wants_reach_it(server: Server, make: Make) -> None:
    notifier = make(
        Webhook(f"{server.url}/errors", levels=("ERROR",)),
        Webhook(f"{server.url}/digits", projects=("dig*", "x")),
        Webhook(f"{server.url}/other", projects=("other",)),
    )
    await send(notifier, NOTICE, replace(NOTICE, level="ERROR", project="faces"))
    seen = sorted((path, body["project"]) for path, _, body in server.requests)
    assert seen == [("/digits", "digits"), ("/errors", "faces")]


async def test_a_target_that_hangs_holds_up_no_other_and_no_caller(
    server: Server, make: Make, wait_until: Callable[..., None]
) -> None:
    reached = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        reached.set()
        server.is_over.wait()

    server.answers = [hang]
    notifier = make(Webhook(server.url), python(""))
    await notifier.notify(NOTICE)
    assert await asyncio.to_thread(reached.wait, ENOUGH_SECONDS)
    await notifier.notify(NOTICE)
    await asyncio.to_thread(wait_until, lambda: notifier.describe()["sent_count"] == 2)
    hanging, other = notifier.describe()["targets"]
    assert (hanging["sent_count"], hanging["waiting_count"]) == (0, 1)
    assert (other["sent_count"], other["waiting_count"]) == (2, 0)
    await notifier.close(0)


async def test_the_oldest_of_too_many_are_dropped_and_counted(server: Server, make: Make) -> None:
    notifier = make(Webhook(server.url), limits=replace(QUICK, queue_count=3))
    done = await send(notifier, *(replace(NOTICE, title=str(number)) for number in range(10)))
    assert [body["title"] for *_, body in server.requests] == ["7", "8", "9"]
    assert (done["sent_count"], done["dropped_count"]) == (3, 7)


async def test_closing_gives_up_what_hangs_and_kills_what_runs(
    server: Server, make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    reached = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        reached.set()
        server.is_over.wait()

    server.answers = [hang]
    program = (
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    )
    notifier = make(Webhook(server.url), python(program))
    await notifier.notify(NOTICE)
    assert await asyncio.to_thread(reached.wait, ENOUGH_SECONDS)
    pid_path = tmp_path / "pid"
    await asyncio.to_thread(wait_until, lambda: pid_path.exists() and pid_path.read_text())
    await asyncio.wait_for(notifier.close(0.05), ENOUGH_SECONDS)
    pid = int(pid_path.read_text())
    wait_until(lambda: not psutil.pid_exists(pid))
    wait_until(lambda: all(thread.name != "alert" for thread in threading.enumerate()))
    await notifier.notify(NOTICE)
    assert notifier.describe()["waiting_count"] == 0


async def test_what_is_shown_and_logged_tells_no_secret(
    server: Server, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [404, 302]
    command = Command(("/bin/sh", "-c", "exit 1 # secret"))
    done = await send(make(Webhook(f"{server.url}/secret?secret"), command), NOTICE, NOTICE)
    assert done["failed_count"] == 4
    assert "secret" not in json.dumps(done) + caplog.text


# -- the file --------------------------------------------------------------------------------------------------------------


def test_a_configuration_is_read_back_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    configuration = Configuration(
        ("nan(*)", "state != finished"),
        (
            Webhook("https://hooks.example.org:8443/a?b=c", "slack", ("WARN", "ERROR"), ("digits", "face*")),
            Webhook("http://[::1]/"),
            Command(("notify-send", "trackd"), ("ERROR",)),
        ),
    )
    previous = os.umask(0)
    try:
        save(path, configuration)
    finally:
        os.umask(previous)
    assert load(path) == configuration
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["alerts.json"]


def test_no_file_is_no_alerts(tmp_path: Path) -> None:
    assert load(tmp_path / "alerts.json") == Configuration()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "alerts.json"
    save(path, Configuration())
    path.chmod(mode)
    with pytest.raises(ValueError, match="can be changed by others, and names commands: chmod 600"):
        load(path)


HOOK = {"kind": "webhook", "url": "https://h/"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "alerts.json is no JSON: "),
        ("[" * 100_000, "alerts.json is no JSON: "),
        ([], "the file is no JSON object"),
        ({}, "its version is None; this daemon reads version 1"),
        ({"version": 2}, "its version is 2; this daemon reads version 1"),
        ({"version": 1, "target": []}, "the file has the unknown field 'target'"),
        ({"version": 1, "rules": "nan(*)"}, "the file: rules is not a list of texts"),
        ({"version": 1, "rules": ["loss >"]}, "rule 'loss >', character 7: "),
        ({"version": 1, "targets": {}}, "targets is not a list of at most 100"),
        ({"version": 1, "targets": [HOOK] * (TARGETS_MAX + 1)}, "targets is not a list of at most 100"),
        ({"version": 1, "targets": [3]}, "targets[0]: kind is None; it can be 'webhook' or 'command'"),
        *(
            ({"version": 1, "targets": [HOOK, target]}, f"targets[1]{sentence}")
            for target, sentence in [
                ({"kind": "mail"}, ": kind is 'mail'"),
                ({**HOOK, "levles": []}, " has the unknown field 'levles'"),
                ({**HOOK, "format": "teams"}, ": format is 'teams'; it can be json, slack, discord"),
                ({**HOOK, "format": ["json"]}, ": format is ['json']"),
                ({**HOOK, "levels": ["warn"]}, ": levels has 'warn'; it can have INFO, WARN, ERROR"),
                ({**HOOK, "projects": [1]}, ": projects is not a list of texts"),
                ({"kind": "command"}, ": arguments is not a list of a program"),
                ({"kind": "command", "arguments": [""]}, ": arguments is not a list of a program"),
                ({"kind": "command", "arguments": ["a", "\0"]}, ": arguments is not a list of a program"),
                ({"kind": "command", "arguments": "ls -l"}, ": arguments is not a list of texts"),
                *(
                    ({"kind": "webhook", "url": url}, ": url is no address")
                    for url in (
                        None, "", "h", "ftp://h/", "file:///etc/passwd", "https://", "https:///x", "http://h:99999/",
                        "http://h:0/", "http://h/#x", "http://[::1/", "http://h/a b", "http://h/\r\nX: y", "http://hä/",
                        "http://h/" + "x" * 2048,
                    )
                ),
                ({**HOOK, "url": "https://me:pw@h/"}, ": url holds a user or a password"),
            ]
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_turned_down_in_one_sentence(
    tmp_path: Path, document: Any, sentence: str
) -> None:
    path = tmp_path / "alerts.json"
    path.touch(0o600)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(ValueError, match=r"alerts\.json") as error:
        load(path)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_what_could_not_be_read_back_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    save(path, Configuration(("nan(*)",)))
    for wrong in (Configuration(("loss",)), Configuration(targets=(Webhook("ftp://h/"),))):
        with pytest.raises(ValueError, match=r"rule 'loss'|targets"):
            save(path, wrong)
    assert load(path) == Configuration(("nan(*)",))
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_file_that_has_changed_is_read_again(server: Server, make: Make, tmp_path: Path) -> None:
    notifier = make(Webhook(f"{server.url}/old"))
    assert notifier.configuration().rules == ()
    save(tmp_path / "alerts.json", Configuration(("nan(*)",), (Webhook(f"{server.url}/new"),)))
    assert notifier.configuration().rules == ("nan(*)",)
    await send(notifier)
    assert [path for path, *_ in server.requests] == ["/new"]
    (tmp_path / "alerts.json").unlink()
    assert notifier.configuration() == Configuration()


async def test_while_a_file_is_wrong_what_it_said_before_holds(
    server: Server, make: Make, tmp_path: Path
) -> None:
    notifier = make(Webhook(server.url))
    assert notifier.describe()["problem"] == ""
    (tmp_path / "alerts.json").write_text("{")
    done = await send(notifier)
    assert done["sent_count"] == 1
    assert done["problem"].startswith("alerts.json is no JSON")


async def test_a_file_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "alerts.json").mkdir()
    done = await send(Notifier(tmp_path / "alerts.json"))
    assert done["targets"] == []
    assert "alerts.json" in done["problem"]
