"""docs/webhooks.md: its codes, headers, waits and limits are those of the code."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/webhooks.md").read_text()
OUTBOUND = REPOSITORY / "crates/outbound/src"
DOMAIN = REPOSITORY / "crates/domain/src/outbound"

UNITS = {"secs": 1, "mins": 60, "hours": 3600}
DURATION = re.compile(r"Duration::from_(secs|mins|hours)\(([\d *]+)\)")


def code(path: Path) -> str:
    """Rust without its unit tests."""
    return path.read_text().split("#[cfg(test)]")[0]


def durations(text: str) -> list[timedelta]:
    """Durations in code, in order."""
    products = (([int(each) for each in number.split("*")], unit) for unit, number in DURATION.findall(text))
    return [timedelta(seconds=UNITS[unit] * (n[0] if len(n) == 1 else n[0] * n[1])) for n, unit in products]


def constant(path: Path, name: str) -> str:
    """Value of a constant, as its code has it."""
    found = re.search(rf"const {name}: [^=]+= (.+?);", code(path), re.DOTALL)
    assert found, name
    return found[1]


def shown(time: timedelta) -> str:
    """A time as the page writes it: the two largest units, of which minutes come without seconds."""
    seconds = int(time.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if not hours:
        return f"{minutes} min" if minutes else f"{seconds} s"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def section(name: str) -> str:
    """Text below a heading."""
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def rows(name: str, first: str) -> list[list[str]]:
    """Cells of the table below a heading whose first column has this name."""
    lines = section(name).splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def snake(name: str) -> str:
    """`TimedOut` → `timed_out`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


ATTEMPT = code(DOMAIN / "attempt.rs")
MEANING = ATTEMPT.split("fn meaning(&self)")[1].split("\nimpl ")[0]


def sentences() -> dict[str, str]:
    """Sentence of each code."""
    body = ATTEMPT.split("pub fn sentence(self)")[1]
    found = re.findall(r'Self::(\w+) => (?:\{\s*)?"((?:[^"\\]|\\.)*)"', body, re.DOTALL)
    return {snake(name): re.sub(r"\\\n\s*", "", text) for name, text in found}


def kinds() -> dict[str, str]:
    """Kind of each code, in the words of the page."""
    found = {snake(name): "own" for name in re.findall(r"Own\(AttemptCode::(\w+)\)", MEANING)}
    found |= {snake(name): "disabled" for name in re.findall(r"Disable\(AttemptCode::(\w+)\)", MEANING)}
    found |= {snake(name): "away" for name in re.findall(r"code: AttemptCode::(\w+)", MEANING)}
    found |= {snake(name): "away" for name in re.findall(r"Self::\w+ => AttemptCode::(\w+)", ATTEMPT)}
    found |= {snake(name): "aborted" for name in re.findall(r"Abort\(AttemptCode::(\w+)\)", ATTEMPT)}
    return found


def test_every_code_is_listed_with_its_sentence() -> None:
    """In the order of the code, and nothing else."""
    listed = {cells[0].strip("`"): cells[2] for cells in rows("Troubleshooting", "code")}
    expected = sentences()
    assert len(expected) == int(re.search(r"pub const ALL: \[Self; (\d+)\]", ATTEMPT)[1])
    assert listed == expected
    assert list(listed) == list(expected)


def test_every_code_counts_as_the_page_says() -> None:
    """A code may count in one way only."""
    assert {cells[0].strip("`"): cells[1] for cells in rows("Troubleshooting", "code")} == kinds()


def test_every_status_with_a_meaning_of_its_own_is_listed() -> None:
    """The page has a row for each arm of the code."""
    arms = {tuple(re.findall(r"\b\d{3}\b", arm)) for arm in re.findall(r"\(([\d| ]+), (?:None|_)\)", MEANING)}
    listed = {tuple(cells[0].split(", ")) for cells in rows("Answer", "your answer") if cells[0][:3].isdigit()}
    assert listed == arms
    waiting = set(
        re.findall(r"\((\d{3}), None\) => Meaning::General \{\s*code: AttemptCode::\w+,\s*wait: self", MEANING)
    )
    assert waiting == {cells[0] for cells in rows("Answer", "your answer") if "retry-after" in cells[1]}


def test_every_header_is_listed() -> None:
    """Those of the signature, those that describe the event, and no others."""
    headers = code(OUTBOUND / "headers.rs").split("pub fn of(")[1]
    sent = re.findall(r'set\("([a-z-]+)"', headers)
    sent += [name.lower().replace("_", "-") for name in re.findall(r"header::([A-Z_]+)[.,]", headers)]
    sent += re.findall(r'pub const \w+_HEADER: &str = "([a-z-]+)"', code(OUTBOUND / "signature.rs"))
    assert len(sent) == len(set(sent)) > 10
    assert sorted(cells[0].strip("`") for cells in rows("Headers", "header")) == sorted(sent)


def test_waits_are_those_of_the_schedule() -> None:
    """Each attempt, the wait before it, and the sum."""
    waits = durations(constant(DOMAIN / "schedule.rs", "WAITS"))
    assert len(waits) + 1 == int(constant(DOMAIN / "schedule.rs", "MAX_ATTEMPTS"))
    expected = [["1", "–", "–"]]
    expected += [[str(n + 2), shown(wait), shown(sum(waits[: n + 1], timedelta()))] for n, wait in enumerate(waits)]
    assert rows("Retries", "attempt") == expected
    assert f"retried {len(waits)} times" in section("Retries")
    assert f"Its {len(waits) + 1} attempts have failed" in section("Retries")


def test_probes_are_those_of_the_breaker() -> None:
    """The failures that open it, and the waits between probes."""
    health = DOMAIN / "health.rs"
    *first, last = map(shown, durations(constant(health, "PROBES")))
    text = " ".join(section("Retries").split())
    assert f"after {', '.join(first)}, and then every {last}." in text
    failures, refusals, messages = (
        constant(health, name) for name in ("OPENS_AFTER", "REJECTING_AFTER", "REJECTED_MESSAGES")
    )
    assert f"After {failures} general failures in a row, or {refusals} refusals of {messages} messages or more" in text


def test_fates_are_those_of_messages() -> None:
    """Every one, in order."""
    fates = code(DOMAIN / "message_record.rs").split("pub enum MessageFate {")[1].split("}")[0]
    expected = [snake(name) for name in re.findall(r"^ +(\w+),", fates, re.MULTILINE)]
    assert [cells[0].strip("`") for cells in rows("Retries", "fate")] == expected


def test_limits_are_those_of_endpoints() -> None:
    """Defaults of an endpoint, and limits of an attempt."""
    defaults = code(DOMAIN / "endpoint.rs").split("impl Default for EndpointLimits")[1].split("\nimpl ")[0]
    attempt, keep, disable = durations(defaults)
    at_once = re.search(r"at_once: (\d+)", defaults)[1]
    sender = OUTBOUND / "sender.rs"
    (connect,), (least,), (most,) = (
        durations(constant(sender, name)) for name in ("CONNECT_TIMEOUT", "MIN_ATTEMPT", "MAX_ATTEMPT")
    )
    head = eval(constant(sender, "MAX_HEAD_BYTES")) // 1024  # noqa: S307 - a product of numbers, of our own code
    assert [cells[1] for cells in rows("Answer", "limit")] == [
        shown(attempt),
        at_once,
        f"{head} KiB",
        f"{keep.days} days",
        f"{disable.days} days",
    ]
    text = " ".join(section("Answer").split())
    assert f"{least.seconds} to {shown(most)}; connecting, TLS included, has {shown(connect)} of it" in text
    assert f"and {constant(sender, 'MAX_HEADERS')} headers" in text
    excerpt = constant(DOMAIN / "attempt.rs", "MAX_EXCERPT_BYTES")
    assert f"keeps the first {excerpt} bytes" in text
    least, most = durations(constant(OUTBOUND / "answer.rs", "WAITS"))
    assert f"from {least.seconds} second to {int(most.total_seconds() // 3600)} hours" in text


def test_ids_are_to_be_kept_for_as_long_as_events(source: dict[str, Any]) -> None:
    """Nothing is sent of an event that is no longer kept."""
    days = source["Parameters"]["EventDays"]
    assert f"{days['Default']} days, or up to {days['MaxValue']} if the operator has set `EventDays`" in section("Once")


@pytest.mark.parametrize("page", ["README.md", "docs/events/README.md", "sdk/README.md", "examples/receive/README.md"])
def test_page_is_linked(page: str) -> None:
    """From where receivers come, by a link that leads there."""
    path = REPOSITORY / page
    links = re.findall(r"\]\(([^)#]*webhooks\.md)[^)]*\)", path.read_text())
    assert links
    assert all((path.parent / link).resolve() == REPOSITORY / "docs/webhooks.md" for link in links)


def test_links_of_the_page_lead_somewhere() -> None:
    """To files, and to headings of this page."""
    headings = {
        re.sub(r"[^a-z-]", "", line[3:].lower().replace(" ", "-")) for line in re.findall(r"^## .+", PAGE, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        if path.startswith("https:"):
            continue
        assert not path or (REPOSITORY / "docs" / path).exists(), target
        assert path or anchor in headings, target
