"""Commands in README.md and docs/ are those of `hookline`: its subcommands, and their options."""

import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
from hookline_local.places import FUNCTIONS, REPOSITORY

HOOKLINE = FUNCTIONS / "hookline" / "bootstrap"

# What clap prints when a command line has something that does not exist, or lacks something.
WRONG = re.compile(r"unexpected argument|unrecognized subcommand|required arguments|requires a subcommand")


def commands() -> Iterator[tuple[str, str]]:
    """Each command with its place: whole lines of code, and those between backticks that have an option."""
    for page in sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]):
        if page.name == "CHANGELOG.md" or "adr" in page.parts:
            continue
        for number, line in enumerate(page.read_text().splitlines(), 1):
            place = f"{page.relative_to(REPOSITORY)}:{number}"
            block = re.match(r"^(?: {4,}|\s*\$ )(hookline .*)", line)
            spans = re.findall(r"`(hookline [^`]* --[^`]*)`", line)
            yield from ((place, text) for text in ([block[1]] if block else spans))


def words(text: str) -> list[str]:
    """Arguments of a command. What stands for something else becomes a word; other programs are left out."""
    text = re.split(r"\s#\s|\s\|\s|\s>\s|\s&&\s|;", text)[0].rstrip(" \\")
    return shlex.split(re.sub(r"<[^>]*>|\S*…\S*", "word", text))[1:]


FOUND = list(commands())


def test_there_are_commands() -> None:
    """So that none is passed over because its line looks different."""
    assert len(FOUND) > 60


@pytest.mark.parametrize(("place", "text"), FOUND, ids=[place for place, _ in FOUND])
def test_a_documented_command_exists(place: str, text: str) -> None:
    """Without settings it ends at the first that is missing: after its arguments have been read."""
    done = subprocess.run(
        [HOOKLINE, *words(text)], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert not WRONG.search(done.stderr), f"{place}: {text}\n{done.stderr}"
