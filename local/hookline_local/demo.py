"""`make demo`: a stack, the promises, and a report. Fails if a promise was not kept."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import bus, chatbot, connected, stack
from .chatbot import Chatbot
from .connected import Connected
from .deploy import DeployError
from .ports import PortTakenError, configured
from .processes import ServerError
from .promises import STEPS, take
from .tour import Tour, summary

# Tours by title, with their steps.
ToursByTitle = dict[str, tuple[Tour, tuple[Callable[..., None], ...]]]

# What the bus gets from Hookline.
EVERY_EVENT = {"source": [{"prefix": "hookline."}]}

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main() -> int:
    """Runs the demo; the exit code says whether every promise was kept."""
    started = time.monotonic()
    try:
        with stack.running(configured(), lambda message: console.print(f"[dim]· {message}[/]")) as running:
            console.print(f"[dim]· up after {time.monotonic() - started:.1f} s: {running.client.base_url}[/]")
            connected_store, any_store = Connected(running), Tour(running)
            with Chatbot(running) as chatbot_tour, bus.listening(running, "demo", EVERY_EVENT) as queue:
                tours = [connected_store, chatbot_tour, any_store]
                walk(
                    {
                        "A store connected to Hookline": (connected_store, connected.STEPS),
                        "Its chatbot": (chatbot_tour, chatbot.STEPS),
                        "Any store": (any_store, STEPS),
                    }
                )
                arrivals = queue.take_all()
            report(connected_store, any_store)
    except (PortTakenError, ServerError, DeployError) as problem:
        console.print(f"[red]{escape(str(problem))}[/]")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return verdict(tours, arrivals, time.monotonic() - started)


def walk(walks: ToursByTitle) -> None:
    """Takes every step, with a line for each and the current delivery below."""
    columns = (
        BarColumn(20),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=sum(len(steps) for _, steps in walks.values()))
        for title, (tour, steps) in walks.items():
            bar.console.print(f"[bold]{title}[/] [dim]{tour.store}[/]")
            tour.progress = lambda message: bar.update(task, description=f"[dim]{escape(message[:70])}[/]")
            for step in steps:
                failures, quotes, began = len(tour.failures()), len(tour.quotes), time.monotonic()
                take(tour, step)
                mark = "[green]✓[/]" if len(tour.failures()) == failures else "[red]✗[/]"
                seconds = time.monotonic() - began
                bar.console.print(f"{mark} {step.__doc__.strip()} [dim]{seconds:.1f} s[/]")
                for quote in tour.quotes[quotes:]:
                    bar.console.print(f"  [bold]{escape(quote.line)}[/]  [dim]{quote.source}[/]")
                bar.advance(task)


def report(connected_store: Connected, tour: Tour) -> None:
    """Prints the deliveries, the searches and the status of both stores."""
    deliveries = Table("status", "ms", "topic", "delivery", title="Deliveries and responses", title_justify="left")
    for group in grouped(tour):
        deliveries.add_row(*group)
    console.print(deliveries)

    searches = Table("when", "search", "top three, with prices", title="Searches", title_justify="left")
    for row in connected_store.searches + tour.searches:
        searches.add_row(*(escape(cell) for cell in row))
    console.print(searches)

    for each in (connected_store, tour):
        status = Table("status", "", title=f"Status of {each.store} at the end", title_justify="left")
        for name, value in each.status().items():
            status.add_row(name, escape(str(value)))
        console.print(status)


def grouped(tour: Tour) -> list[tuple[str, str, str, str]]:
    """One row per delivery, and one for all timed edits."""
    rows = []
    timed_edits = [sent for sent in tour.sent if sent.what.startswith("edit ")]
    for sent in tour.sent:
        if sent not in timed_edits:
            rows.append((str(sent.answer.status), f"{sent.answer.seconds * 1000:.0f}", sent.topic, escape(sent.what)))
        elif sent is timed_edits[0]:
            answers = ", ".join(sorted({str(each.answer.status) for each in timed_edits}))
            slowest = max(each.answer.seconds for each in timed_edits)
            rows.append((answers, f"≤ {slowest * 1000:.0f}", sent.topic, f"{len(timed_edits)} timed edits"))
    return rows


def verdict(tours: list[Tour], arrivals: list[bus.Arrival], seconds: float) -> int:
    """Prints the times of changes and events and whether all promises were kept; returns the exit code."""
    for timings in filter(None, (tour.timings() for tour in tours)):
        console.print(
            f"From webhook to searchable, over {timings['count']} edits: median {timings['median'] * 1000:.0f} ms, "
            f"p99 {timings['p99'] * 1000:.0f} ms (on this machine, including the emulator)"
        )
    if timings := summary(each.seconds for each in arrivals if each.seconds is not None):
        console.print(
            f"From delivery to event on the bus, over {timings['count']} events: median {timings['median'] * 1000:.0f} "
            f"ms, p99 {timings['p99'] * 1000:.0f} ms"
        )
    failures = [finding for tour in tours for finding in tour.failures()]
    for finding in failures:
        console.print(f"[red]✗ {escape(finding.step)}:[/] {escape(finding.what)}")
    checks = sum(len(tour.findings) for tour in tours)
    console.print(f"{checks - len(failures)} of {checks} checks passed in {seconds:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
