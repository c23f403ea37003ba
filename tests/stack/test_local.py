"""The local stack itself: no process outlives it, and it names the holder of a port."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hookline_local import archives, guardian, ports
from hookline_local.client import signature
from hookline_local.places import REPOSITORY
from hookline_local.replay import main as replay
from hookline_local.replay import options, sample
from hookline_local.tour import poll

# A shell may run the tests in the background with SIGINT ignored, which children inherit.
STARTER = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
server = "sleep 1000 & sleep 1000 & echo $$ $!; wait"
held = subprocess.Popen(
    [sys.executable, {guardian.__file__!r}, "sh", "-c", server], stdin=subprocess.PIPE, start_new_session=True
)
time.sleep(1000)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_its_starter(end: signal.Signals) -> None:
    """Not even processes that a server started, and not even when the starter is killed."""
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    started = [int(process) for process in starter.stdout.readline().split()]
    assert len(started) == 2
    assert all(alive(process) for process in started)
    starter.send_signal(end)
    starter.wait(timeout=60)
    assert poll(lambda: not any(alive(process) for process in started))


def alive(process: int) -> bool:
    """Returns whether a process runs."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def test_the_holder_of_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable that chooses another port."""
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("HOOKLINE_AWS_PORT", str(port))
        with pytest.raises(ports.PortTakenError, match=rf"port {port}.*process {os.getpid()} .*HOOKLINE_AWS_PORT=\d+"):
            ports.configured()


def test_a_replay_without_a_stack_explains_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command does not guess an address."""
    monkeypatch.setattr("hookline_local.replay.DEV_STACK", tmp_path / "none.json")
    assert replay(["--event", "events/shopify/products-update.json"]) == 2
    assert "make dev" in capsys.readouterr().err


def test_a_replay_without_a_sample_sends_five(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each signed, and to its own topic's receiver."""
    received: list[tuple[str, bool]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Records the path, and whether the request was signed."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["X-Shopify-Hmac-Sha256"] == signature("hush", body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer((ports.HOST, 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        details = {"pid": os.getpid(), "url": f"http://{ports.HOST}:{server.server_port}", "secret": "hush"}
        monkeypatch.setattr("hookline_local.replay.DEV_STACK", tmp_path / "stack.json")
        monkeypatch.delenv("SECRET", raising=False)
        (tmp_path / "stack.json").write_text(json.dumps(details))
        assert replay([]) == 0
        server.shutdown()
    functions = ("products-create", "products-update", "collections-update", "inventory-levels-update", "orders-create")
    assert received == [(f"/api/webhooks/receive/shopify/{function}", True) for function in functions]
    assert capsys.readouterr().out.count("200  ") == len(functions)


def test_every_replay_command_in_our_texts_works() -> None:
    """Each command in documents, in the panel and in the output of `make dev` works."""
    texts = [
        REPOSITORY / "README.md",
        REPOSITORY / "events" / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "web" / "src").rglob("*.tsx"),
        *(REPOSITORY / "local" / "hookline_local").glob("*.py"),
    ]
    shown = [line for text in texts for line in re.findall(r"make replay\b([^`#)<\n\"\[]*)", text.read_text())]
    assert len(shown) > 5
    for line in shown:
        pairs = [word.split("=", 1) for word in shlex.split(line) if re.match(r"[A-Z]+=", word) and "…" not in word]
        arguments = [part for name, value in pairs if value for part in (f"--{name.lower()}", value)]
        requested = options(arguments)
        assert all(sample(event, requested.topic) for event in requested.events), line


def test_a_changed_function_has_a_new_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With all files and modes, replacing the older archive; an unchanged function keeps its archive."""
    monkeypatch.setattr(archives, "FUNCTIONS", tmp_path)
    monkeypatch.setattr(archives, "ARCHIVES", tmp_path / "archives")
    (tmp_path / "panel" / "public").mkdir(parents=True)
    (tmp_path / "panel" / "public" / "index.html").write_text("page")
    program = tmp_path / "panel" / "bootstrap"
    program.write_bytes(b"first")
    program.chmod(0o755)
    first = archives.archive("panel")
    assert archives.archive("panel") == first
    program.write_bytes(b"second")
    second = archives.archive("panel")
    assert second != first
    assert list(second.parent.iterdir()) == [second]
    with zipfile.ZipFile(second) as content:
        assert content.read("bootstrap") == b"second"
        assert content.getinfo("bootstrap").external_attr >> 16 & 0o777 == 0o755
        assert content.read("public/index.html") == b"page"
