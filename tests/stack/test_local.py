"""The local stack itself: nothing outlives it, and it says who is in the way."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hookline_local import guardian, ports
from hookline_local.replay import main as replay
from hookline_local.tour import poll

# Whoever runs the tests in the background may have them ignore SIGINT, and children inherit that.
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
    """Whether a process runs."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_taken_port_is_told_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with the variable that chooses another."""
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("HOOKLINE_AWS_PORT", str(port))
        with pytest.raises(ports.PortTaken, match=rf"port {port}.*process {os.getpid()} .*HOOKLINE_AWS_PORT=\d+"):
            ports.wanted()


def test_a_replay_without_a_stack_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And does not guess an address."""
    monkeypatch.setattr("hookline_local.replay.DEV_STACK", tmp_path / "none.json")
    assert replay(["--event", "events/shopify/products-update.json"]) == 2
    assert "make dev" in capsys.readouterr().err
