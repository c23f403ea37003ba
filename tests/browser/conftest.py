"""One running stack behind plugs and one Chromium for all tests; a separate browser profile for each."""

import itertools
from collections.abc import Callable, Iterator

import browser as chromium
import pytest
from deployed import Site, Token, behind_plugs
from hookline_local import ports, stack
from panel import TELL_VIOLATIONS, Panel, tab
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from plug import Plug

# Chromium in our sandbox: as root, without GPU, and without requests to Google.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The template and the binaries, deployed."""
    with stack.running(ports.any_free()) as running, Plug(running.ports.aws) as pages, Plug(running.ports.aws) as live:
        yield behind_plugs(running, pages, live)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    program = chromium.path()
    assert program, "no browser found: python3 local/browser.py make"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def admin(site: Site) -> Token:
    """May change all stores."""
    return site.token("admin")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Counts."""
    return itertools.count(1)


@pytest.fixture
def store(site: Site, numbers: Iterator[int]) -> str:
    """A new store that has had an event."""
    name = f"shop-{next(numbers)}.myshopify.com"
    site.make_known(name)
    return name


@pytest.fixture
def profile(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser profiles, whose tabs share storage. At the end they are closed and the plugs are in again."""
    made: list[BrowserContext] = []

    def new(**settings: object) -> BrowserContext:
        context = browser.new_context(**settings)
        context.add_init_script(TELL_VIOLATIONS)
        made.append(context)
        return context

    yield new
    for context in made:
        context.close()
    for plug in (site.pages, site.sockets):
        if not plug.listener:
            plug.put_in()


@pytest.fixture
def tabs(site: Site, profile: Callable[..., BrowserContext]) -> Iterator[Callable[[], Panel]]:
    """Opens tabs of one browser. At the end no tab has broken the page's policy or reported another problem."""
    context = profile()
    opened: list[Panel] = []

    def new() -> Panel:
        opened.append(tab(site, context))
        return opened[-1]

    yield new
    assert [fault for panel in opened for fault in panel.faults] == []


@pytest.fixture
def panel(tabs: Callable[[], Panel]) -> Panel:
    """One tab."""
    return tabs()
