"""docs/abuse.md and docs/costs.md: their amounts follow from the template and the price table."""

import re

import pytest
from hookline_local import abuse
from hookline_local.places import REPOSITORY
from template_reading import RECEIVERS, Resources, of_type

ABUSE = (REPOSITORY / "docs/abuse.md").read_text()
COSTS = (REPOSITORY / "docs/costs.md").read_text()
DEPLOYING = (REPOSITORY / "docs/deploying.md").read_text()


def test_docs_have_the_computed_table() -> None:
    """`python -m hookline_local.abuse` prints the current one."""
    assert abuse.table() in ABUSE


def test_the_cost_of_a_flood_matches_a_calculation_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a second for a day, of a function of 256 MB that takes a millisecond of a processor."""
    # 0.20 a million; 7 ms (1769 / 256 = 6.9) of a quarter GB; 1,000 bytes of logs; a twentieth of a trace.
    by_hand = 0.2e-6 + 0.007 * 0.25 * 1.66667e-5 + 1_000 * 0.5e-9 + 5e-6 / 20
    assert abuse.invocation("ProductsUpdateFunction", 1, 0, 350) == pytest.approx(by_hand)
    one = {"WebhooksApi": {"POST /a": 1.0}, "HttpApi": dict.fromkeys(abuse.rates()["HttpApi"], 0.0), "LiveApi": {}}
    monkeypatch.setattr(abuse, "rates", lambda: one)
    monkeypatch.setattr(abuse, "ACCOUNT_RATE", 0)
    first, *others = abuse.lines()
    # 86,400 × (1.00 a million + 0.00000011 for the access log + the invocation); and 1,440 reads of the secret.
    called = abuse.invocation("ProductsUpdateFunction", 0.1, 0, 350)
    assert first.usd == pytest.approx(86_400 * (1e-6 + 220 * 0.5e-9 + called) + 1_440 * 0.000005, rel=1e-3)
    assert [line.usd for line in others[1:]] == [0] * (len(others) - 1)


def test_every_route_is_in_the_bill(resources: Resources) -> None:
    """No route can be called without being counted."""
    rates = abuse.rates()
    assert set(rates) == set(of_type(resources, "AWS::ApiGatewayV2::Api"))
    assert len(rates["WebhooksApi"]) == len([name for name in RECEIVERS if "Condition" not in resources[name]])
    assert len(abuse.rates(families=True)["WebhooksApi"]) == len(RECEIVERS)
    assert abuse.open_routes() < set(rates["HttpApi"])
    assert all(rate > 0 for routes in rates.values() for rate in routes.values())


def test_docs_have_the_cost_of_every_family_of_events() -> None:
    """It comes on top of the table, which has the template's defaults."""
    more = abuse.of_families()
    assert f"{more.rate:.0f} requests a second more, or {more.usd:.0f} USD a day" in " ".join(ABUSE.split())


def test_docs_have_the_cost_of_every_other_source() -> None:
    """It comes on top of the table, too."""
    more = abuse.of_sources()
    assert f"{more.rate:.0f} requests a second more, or {more.usd:.0f} USD a day" in " ".join(ABUSE.split())


def test_a_day_of_flood_costs_less_than_the_limit() -> None:
    """The default throttles limit it; a higher throttle needs a higher limit here."""
    small = [line for line in abuse.lines() if "10 MB" not in line.what]
    assert sum(line.usd for line in small) < 350


def test_no_file_of_the_panel_is_larger_than_assumed() -> None:
    """Checks the built files, if there are any."""
    files = [file for file in (REPOSITORY / "web/dist").rglob("*") if file.is_file()]
    assert all(file.stat().st_size <= abuse.LARGEST_FILE for file in files)
    assert all(file.stat().st_size <= abuse.PAGE for file in files if file.suffix == ".html")
    description = (REPOSITORY / "docs/openapi.json").stat().st_size
    assert description <= abuse.LARGEST_OTHER


def test_an_access_log_line_is_no_longer_than_assumed(resources: Resources) -> None:
    """With the longest address, route and error, and the 26 bytes that CloudWatch adds to each."""
    longest = {
        "$context.requestTime": "29/Nov/2026:12:00:00 +0000",
        "$context.identity.sourceIp": "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "$context.routeKey": "-",
        "$context.status": "429",
        "$context.responseLength": "33",
        "$context.requestId": "AbCdEfGhIjKlMnO=",
        "$context.authorizer.error": "-",
        "$context.integrationErrorMessage": "-",
    }
    for stage in of_type(resources, "AWS::ApiGatewayV2::Stage").values():
        if "AccessLogSettings" in stage["Properties"]:
            line = stage["Properties"]["AccessLogSettings"]["Format"]
            line = re.sub(r"\$[\w.]+", lambda found: longest[found[0]], line)
            assert len(line) + 26 <= abuse.ACCESS_LINE


def test_the_idle_bill_counts_the_existing_alarms(resources: Resources) -> None:
    """Each metric that an alarm reads is paid for."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    metrics = sum(sum("MetricStat" in each for each in alarm["Properties"].get("Metrics", [])) or 1 for alarm in alarms)
    counts = re.search(r"alarms: (\d+), over (\d+) metrics", COSTS)
    assert [int(each) for each in counts.groups()] == [len(alarms), metrics]


def test_docs_name_every_retained_resource(resources: Resources) -> None:
    """Retained resources are found by type, and there is a command for each."""
    retained = {each["Type"] for each in resources.values() if "DeletionPolicy" in each}
    assert retained == {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"}
    for kind in retained:
        assert f"kept {kind} > " in DEPLOYING


def test_every_page_is_linked() -> None:
    """From the README, by links that lead somewhere."""
    readme = (REPOSITORY / "README.md").read_text()
    for page in ("deploying", "costs", "abuse"):
        assert f"docs/{page}.md" in readme
        text = (REPOSITORY / f"docs/{page}.md").read_text()
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert link.startswith("https://") or (REPOSITORY / "docs" / link).exists(), (page, link)
