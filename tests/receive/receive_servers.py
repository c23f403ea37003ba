"""The examples as servers: how each is started, and a client that posts to them."""

import contextlib
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import environments
from hookline_local import guardian
from hookline_local.ports import HOST, free

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "receive"
DEBUG = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target") / "debug"

# Reached only if something is broken: every test waits for an event and not for time.
LIMIT_SECONDS = 30

STARTED = re.compile(r"listening on|Development Server \(.*\) started")
VARIABLES = ("HOOKLINE_SECRET", "HOOKLINE_PUBLIC_KEY", "HOOKLINE_FOLDER", "PORT")
# PHP's server prints lines of its own.
OUTCOME = re.compile(r"(handled|skipped|refused|failed): ")


@dataclass(frozen=True)
class Language:
    """An example: how it is built and started."""

    name: str
    command: list[str]
    build: list[list[str]] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    knows_keys: bool = False
    """True if it verifies `v1a`. The handler packages of sdk/ do not yet."""
    answers_reason: bool = True
    """True if a refusal has the reason in its body. Two of the handler packages write it to the log only."""


# Builds the example and the signer into target/debug. One command for both, with the features that the whole workspace
# gives their dependencies, so that those are not built again for each.
CARGO = ["cargo", "build", "--quiet", "--locked", "--workspace"]
CARGO += ["--bin", "hookline-receive-example", "--bin", "hookline-signed-requests"]


def languages(folder: Path) -> list[Language]:
    """All examples; what they build goes into a folder."""
    node = str(environments.path("emulator") / "bin" / "node")
    # As npm installs it: the example beside node_modules.
    installed = folder / "node" / "node_modules" / "hookline-webhooks"
    return [
        Language(
            "node",
            [node, str(folder / "node" / "server.mjs")],
            build=[
                [sys.executable, str(REPOSITORY / "local" / "sdk.py"), "npm", "run", "--silent", "build"],
                ["mkdir", "-p", str(installed.parent)],
                ["ln", "-s", str(REPOSITORY / "sdk" / "typescript"), str(installed)],
                ["cp", str(EXAMPLES / "node" / "server.mjs"), str(folder / "node")],
            ],
            answers_reason=False,
        ),
        Language(
            "python",
            [sys.executable, str(EXAMPLES / "python" / "server.py")],
            variables={"PYTHONPATH": str(REPOSITORY / "sdk" / "python" / "src")},
            answers_reason=False,
        ),
        Language("rust", [str(DEBUG / "hookline-receive-example")], build=[CARGO]),
        Language(
            "php",
            ["php", "-S", f"{HOST}:PORT", str(EXAMPLES / "php" / "webhooks.php")],
            variables={"HOOKLINE_FOLDER": str(folder / "php"), "PHP_CLI_SERVER_WORKERS": "4"},
            knows_keys=True,
        ),
        Language("ruby", ["ruby", str(EXAMPLES / "ruby" / "server.rb")], knows_keys=True),
        Language(
            "go",
            [str(folder / "go-server")],
            build=[["go", "build", "-o", str(folder / "go-server"), "."]],
            variables={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOPROXY": "off"},
            knows_keys=True,
        ),
    ]


@dataclass
class Answer:
    """Answer to a request."""

    status: int
    headers: dict[str, str]
    body: str


class Server:
    """A running example and the lines that it prints about requests."""

    def __init__(self, language: Language, process: subprocess.Popen[str], port: int) -> None:
        """Begins to read what it prints."""
        self.language = language
        self.port = port
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._started = threading.Event()
        self._printed: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_started(self) -> None:
        """Waits until it listens."""
        assert self._started.wait(LIMIT_SECONDS), f"{self.language.name} did not start: {self._printed}"
        assert self._process.poll() is None, f"{self.language.name} has ended: {self._printed}"

    def stop(self) -> None:
        """Ends the example and its children; returns when all have ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()

    def line(self) -> str:
        """The next line about a request."""
        try:
            return self._lines.get(timeout=LIMIT_SECONDS)
        except queue.Empty:
            raise AssertionError(f"{self.language.name} printed no outcome: {self._printed[-10:]}") from None

    def is_silent(self) -> bool:
        """True if it has printed nothing that was not read."""
        return self._lines.empty()

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Posts a body."""
        return self.request("POST", headers, body)

    def request(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Sends a request on a connection of its own."""
        sent = {"host": f"{HOST}:{self.port}", "connection": "close", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with socket.create_connection((HOST, self.port), LIMIT_SECONDS) as connection:
            # A server may refuse a body before it has read it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(f"{method} /webhooks HTTP/1.1\r\n{head}\r\n".encode() + body)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while data := connection.recv(65536):
                    received += data
        head_received, _, content = received.partition(b"\r\n\r\n")
        status, *lines = head_received.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        answered = {name.lower(): value.strip() for name, value in pairs}
        return Answer(int(status.split(" ")[1]), answered, content.decode())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._printed.append(line.strip())
            if OUTCOME.match(line):
                self._lines.put(line.strip())
            elif STARTED.search(line):
                self._started.set()
        self._started.set()


def build(language: Language) -> None:
    """Builds an example; fails with what the compiler says."""
    for command in language.build:
        assert shutil.which(command[0]), f"{command[0]} is not there: python3 local/languages.py make"
        done = subprocess.run(
            command,
            cwd=EXAMPLES / language.name,
            env=environment(language, {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"


def command(language: Language, port: int) -> list[str]:
    """Command that starts an example; fails if its program is missing."""
    program = shutil.which(language.command[0])
    assert program, f"{language.command[0]} is not there: python3 local/languages.py make"
    return [program, *(part.replace("PORT", str(port)) for part in language.command[1:])]


def environment(language: Language, variables: Mapping[str, str]) -> dict[str, str]:
    """Variables of an example; those of Hookline are the given ones."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**kept, **language.variables, **variables}


@contextlib.contextmanager
def running(language: Language, variables: Mapping[str, str]) -> Iterator[Server]:
    """An example that runs, on a free port, under a guardian that ends it."""
    (port,) = free(1)
    process = subprocess.Popen(
        [sys.executable, guardian.__file__, *command(language, port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(language, {**variables, "PORT": str(port)}),
    )
    server = Server(language, process, port)
    try:
        server.wait_until_started()
        yield server
    finally:
        server.stop()
