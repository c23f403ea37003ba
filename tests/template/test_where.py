"""`make where` prints all settings or one sentence about the problem."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hookline_local.places import REPOSITORY
from hookline_local.where import OPTIONAL, VARIABLES, main

STACKS = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>
<member><StackName>hookline</StackName><CreationTime>2026-11-29T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus>
<Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""
ERROR = """<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"""
HOSTILE = 'it\'s a "$(touch /tmp/hookline-pwned)" `value`'


def described(outputs: Mapping[str, str], status: str = "CREATE_COMPLETE") -> tuple[int, str]:
    """CloudFormation's answer about a stack."""
    members = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for key, value in outputs.items()
    )
    return 200, STACKS.format(status=status, outputs=members)


def refused(code: str, message: str, status: int = 400) -> tuple[int, str]:
    """CloudFormation's response for an unknown stack."""
    return status, ERROR.format(code=code, message=message)


WHOLE = dict.fromkeys(VARIABLES, "value") | {"LedgerTableName": HOSTILE}
LACKING = {name: value for name, value in WHOLE.items() if name != "StoresTableName"}


@contextmanager
def cloudformation(status: int, body: str) -> Iterator[str]:
    """A server on loopback that always answers this."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def environment(**changes: str) -> dict[str, str]:
    """Environment without an AWS account."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    nothing = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    inherited.pop("REGION", None)
    return inherited | nothing | changes


def where(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs `make --silent where` in a person's environment."""
    return subprocess.run(
        [shutil.which("make"), "--silent", "where", *arguments],
        cwd=REPOSITORY,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )


def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str, **changes: str
) -> subprocess.CompletedProcess[str]:
    """The same without make."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment(**changes).items():
        monkeypatch.setenv(name, value)
    status = main(["--stack", "hookline", *arguments])
    captured = capsys.readouterr()
    return subprocess.CompletedProcess([], status, captured.out, captured.err)


KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}


def test_exports_are_complete_and_quoted() -> None:
    """All variables, with the region. Values are never executed, and absent ones are set to empty."""
    with cloudformation(*described(WHOLE)) as url:
        done = where(**KEYS, AWS_ENDPOINT_URL=url)
    assert done.returncode == 0, done.stderr
    names = ["AWS_REGION", *VARIABLES.values(), *OPTIONAL.values()]
    script = done.stdout + "\n" + "\n".join(f'printf "%s\\n" "${name}"' for name in names)
    set_to = subprocess.run(
        [shutil.which("bash"), "-uc", script], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert dict(zip(names, set_to, strict=True)) == {"AWS_REGION": "eu-west-1"} | {
        variable: WHOLE[name] for name, variable in VARIABLES.items()
    } | dict.fromkeys(OPTIONAL.values(), "")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (refused("ValidationError", "Stack with id hookline does not exist"), "no stack hookline in eu-west-1"),
        (described({}), "none of Hookline's outputs"),
        (described({"Other": "value"}), "none of Hookline's outputs"),
        (described(LACKING), "no StoresTableName"),
        (described({}, "ROLLBACK_COMPLETE"), "can only be deleted"),
        (described(WHOLE, "ROLLBACK_COMPLETE"), "can only be deleted"),
        (described({}, "CREATE_IN_PROGRESS"), "wait"),
        (described({}, "REVIEW_IN_PROGRESS"), "none of Hookline's outputs"),
        (described(WHOLE, "DELETE_FAILED"), "can only be deleted"),
        (refused("ExpiredToken", "The security token included in the request is expired", 403), "ExpiredToken"),
        (refused("AccessDenied", "User is not authorized", 403), "AccessDenied"),
        ((200, "{not xml"), "cannot be read"),
        ((200, ""), "hookline"),
        ((500, "<html>a proxy's\npage</html>"), "hookline"),
    ],
)
def test_an_error_is_one_sentence_and_sets_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: tuple[int, str], word: str
) -> None:
    """`eval "$(make --silent where)"` sets all or nothing."""
    with cloudformation(*answer) as url:
        done = here(monkeypatch, capsys, **KEYS, AWS_ENDPOINT_URL=url)
    assert_sentence(done, word)


def test_make_itself_prints_nothing_more_on_standard_output() -> None:
    """The same through `make`, as people run it."""
    with cloudformation(*described(LACKING)) as url:
        assert_sentence(where(**KEYS, AWS_ENDPOINT_URL=url), "no StoresTableName")
    assert_sentence(where("STACK="), "no stack given")


@pytest.mark.parametrize(
    ("arguments", "changes", "word"),
    [
        ([], {"AWS_REGION": "eu-west-1"}, "no AWS credentials"),
        ([], {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "nobody"}, "no profile nobody"),
        ([], {}, "no region"),
        (["--region", "Dublin"], KEYS, "is not a region"),
        (["--stack", ""], KEYS, "no stack given"),
        # Nothing listens at the discard port.
        ([], KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "does not respond"),
    ],
)
def test_missing_settings_are_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    changes: dict[str, str],
    word: str,
) -> None:
    """Before the first request to AWS."""
    assert_sentence(here(monkeypatch, capsys, *arguments, **changes), word)


def assert_sentence(done: subprocess.CompletedProcess[str], word: str) -> None:
    """Asserts a status, one line on standard error, and no other output."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert word in done.stderr
    ours = [line for line in done.stderr.splitlines() if not line.startswith(("make: ***", "make[1]: ***"))]
    assert len(ours) == 1 or "usage" in done.stderr, done.stderr
