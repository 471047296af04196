"""The bell and the webhook: told to a real server, and never in the way."""

from __future__ import annotations

import base64
import json
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from experiments.run import notification, webhook
from experiments.run.notification import notify
from experiments.series_file.sections.execute import NotifySection


class Hook(ThreadingHTTPServer):
    """Keeps what it is told, and answers what it is told to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.received: list[tuple[str, str, Any]] = []
        self.arrivals = threading.Semaphore(0)
        self.answers: list[int] = []
        self.authorization: str | None = None
        self.silent: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/geheim?token=geheim"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.authorization = self.headers["Authorization"]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.server.arrivals.release()
        if self.server.silent is not None:
            self.server.silent.wait(30)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tell(url: str) -> None:
    notify(NotifySection(webhook=url), "s: 1 of 2 experiments completed", {"series": "s", "exit_code": 1})


def test_webhook(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """The hook gets the summary as JSON, with a text that chat programs show."""
    tell(hook.url)
    assert hook.received == [
        (
            "/services/geheim?token=geheim",
            "application/json",
            {"text": "s: 1 of 2 experiments completed", "series": "s", "exit_code": 1},
        )
    ]
    assert not caplog.records


def test_references(hook: Hook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables in the URL are read when it is sent; one that is not set is named."""
    host = f"127.0.0.1:{hook.server_port}"
    url = "${env:SCHEME}://${env:WHO}@" + host + "/${env:TOKEN}?a=${env:TOKEN}"
    for name, value in {"SCHEME": "http", "WHO": "us%3Aer:p%40ss", "TOKEN": "geheim"}.items():
        assert notification.why_not_notified(NotifySection(webhook=url)) is not None
        tell(url)
        monkeypatch.setenv(name, value)
    assert notification.why_not_notified(NotifySection(webhook=url)) is None
    tell(url)
    [(path, _, _)] = hook.received
    assert path == "/geheim?a=geheim"
    assert hook.authorization == "Basic " + base64.b64encode(b"us:er:p@ss").decode()
    missing = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert missing == [
        f"the environment variable {name} in the URL of its webhook is not set"
        for name in ("SCHEME", "WHO", "TOKEN")
    ]
    monkeypatch.setenv("SCHEME", "ftp://geheim")
    tell(url)
    assert "is no URL that names a host" in caplog.records[-1].getMessage()
    assert "geheim" not in caplog.text


def test_url_that_was_left_out(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """What is recorded of a URL is not sent to; why is said when the run begins."""
    url = f"http://127.0.0.1:{hook.server_port}/..."
    tell(url)
    assert hook.received == []
    assert not caplog.records
    reason = notification.why_not_notified(NotifySection(webhook=url))
    assert reason is not None
    assert "run the series by its file" in reason


def test_second_try(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """A server that fails once is told again."""
    hook.answers = [503]
    tell(hook.url)
    assert len(hook.received) == 2
    assert not caplog.records


@pytest.mark.parametrize(("answers", "tries"), [([500, 502], 2), ([404], 1), ([302], 1)])
def test_refused(hook: Hook, caplog: pytest.LogCaptureFixture, answers: list[int], tries: int) -> None:
    """A hook that cannot be told is a warning without the secrets of its URL; a redirect is not followed."""
    hook.answers = list(answers)
    with caplog.at_level(logging.WARNING):
        tell(hook.url)
    assert len(hook.received) == tries
    [record] = caplog.records
    assert record.getMessage().startswith(
        f"the webhook at http://127.0.0.1:{hook.server_port}/... could not be notified: "
        f"it answered {answers[-1]}"
    )
    assert "geheim" not in record.getMessage()


def test_nobody_listens(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing listens the warning says so."""
    hook.server_close()
    with caplog.at_level(logging.WARNING):
        tell(hook.url)
    [record] = caplog.records
    assert "Connection refused" in record.getMessage()
    assert "geheim" not in record.getMessage()


def test_no_answer(hook: Hook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that never answers is given up after two tries."""
    monkeypatch.setattr(webhook, "_TIMEOUT_S", 0.05)
    hook.silent = threading.Event()
    with caplog.at_level(logging.WARNING):
        tell(hook.url)
    for _ in range(2):  # what was sent arrives, perhaps after the sender has given up
        assert hook.arrivals.acquire(timeout=30)
    hook.silent.set()
    assert len(hook.received) == 2
    assert "timed out" in caplog.text or "TimeoutError" in caplog.text


def test_patience(hook: Hook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a connection is busy with, the whole has an end."""
    monkeypatch.setattr(webhook, "_PATIENCE_S", 0.05)
    hook.silent = threading.Event()
    with caplog.at_level(logging.WARNING):
        tell(hook.url)
    hook.silent.set()
    assert "no answer within 0.05 s" in caplog.text


def test_nonsense_answer(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that speaks no HTTP is a warning too."""
    import socket

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                client, _ = server.accept()
                with client:
                    client.recv(10_000)
                    client.sendall(b"SSH-2.0-nonsense\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with caplog.at_level(logging.WARNING):
            tell(f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
    assert "could not be notified: BadStatusLine" in caplog.text


def test_bell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The bell rings on a terminal, and leaves logs alone."""
    section = NotifySection(bell=True)
    notify(section, "text", {})
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    notify(section, "text", {})
    assert capsys.readouterr().err == "\a"
    notify(NotifySection(), "text", {})
    assert capsys.readouterr().err == ""
