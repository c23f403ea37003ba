"""Hookline's signer, and the examples, built and started once."""

from collections.abc import Iterator

import pytest
from receive_servers import CARGO, DEBUG, Language, Server, build, languages, running
from receive_vectors import NEW, OLD, PUBLIC_KEY, Signer

NAMES = [language.name for language in languages(DEBUG)]


@pytest.fixture(scope="session")
def signer() -> Iterator[Signer]:
    """The signer."""
    build(Language("rust", [], [CARGO]))
    started = Signer(DEBUG / "hookline-signed-requests")
    yield started
    started.stop()


@pytest.fixture(scope="session", params=NAMES)
def language(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Language:
    """Each example, built."""
    folder = tmp_path_factory.mktemp(request.param)
    (found,) = [each for each in languages(folder) if each.name == request.param]
    build(found)
    return found


@pytest.fixture(scope="session")
def server(language: Language) -> Iterator[Server]:
    """Each example, running with the secrets of a rotation, and with the public half of a key if it knows keys."""
    variables = {"HOOKLINE_SECRET": f"{NEW},{OLD}", "HOOKLINE_PUBLIC_KEY": PUBLIC_KEY}
    with running(language, variables) as started:
        yield started
