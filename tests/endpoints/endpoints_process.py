"""Starting the server as a subprocess."""

import os
import subprocess
import sys
from pathlib import Path

CERTIFICATES = Path(__file__).with_name("certificates")
LOCAL = Path(__file__).resolve().parents[2] / "local"


def start(*options: str) -> subprocess.Popen[str]:
    """Starts a server, which ends when its standard input closes. Warnings are errors in it."""
    command = [sys.executable, "-m", "hookline_local.endpoints", "--until-stdin-closes", *options]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LOCAL), "PYTHONWARNINGS": "error"},
    )
