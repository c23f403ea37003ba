"""The process: its first line, its ends, and its errors."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from endpoints_process import CERTIFICATES, LOCAL, start

LIMIT_SECONDS = 30


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    command = [sys.executable, "-m", "hookline_local.endpoints", *options]
    environment = {**os.environ, "PYTHONPATH": str(LOCAL)}
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_server_ends_when_stdin_closes_although_requests_are_open() -> None:
    """A test that is killed leaves nothing behind."""
    with start() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready["tls"]) == {"tls-silent", "tls-plain", "tls-closes"}, "the others need certificates"
        hanging = urllib.request.Request(ready["http"] + "/drips-body-200", b"{}")
        with urllib.request.urlopen(hanging, timeout=LIMIT_SECONDS) as answer:
            assert answer.status == 200
            process.stdin.close()
            assert process.wait(LIMIT_SECONDS) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_ends_on_signals(number: signal.Signals) -> None:
    """Ctrl-C is an ordinary end."""
    with start() as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(LIMIT_SECONDS) == 0


def test_missing_certificate_is_named(tmp_path: Path) -> None:
    """A folder that lacks one."""
    for file in CERTIFICATES.glob("*.pem"):
        if file.stem != "tls-expired":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    ended = run("--certificates", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"the endpoints cannot start: {tmp_path}/tls-expired.pem: No such file or directory")
    (tmp_path / "tls-expired.pem").write_text("not PEM")
    assert "tls-expired.pem: " in run("--certificates", str(tmp_path)).stderr


def test_taken_port_is_an_error() -> None:
    """Two servers on one port."""
    with start() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = json.loads(process.stdout.readline())["http"].rpartition(":")[2]
        ended = run("--http-port", port)
        assert ended.returncode == 1
        assert ended.stderr.startswith("the endpoints cannot start: ")
        assert port in ended.stderr
        process.stdin.close()


def test_help_and_list_say_what_there_is() -> None:
    """The two outputs for people."""
    text = run("--help").stdout
    for option in ("--certificates", "--until-stdin-closes", "--http-port", "--control-port", "--list"):
        assert option in text
    listed = run("--list").stdout.splitlines()
    assert listed[0].split()[:2] == ["0", "ok"]
    assert len(listed) > 80
