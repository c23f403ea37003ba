"""The panel's files are public, and the function that serves them can do nothing else."""

from template_reading import Resources, of_type, operations, routes, statements


def test_the_page_is_open_to_everybody_and_nothing_behind_it(resources: Resources) -> None:
    """A browser has no token when it requests the page. The function serves only files."""
    served = [route for route, function in routes(operations(resources)).items() if function == "PanelFunction"]
    assert sorted(served) == ["GET /", "GET /assets/{asset}", "HEAD /"]
    for route in served:
        assert operations(resources)[route].get("security", []) == [], route


def test_it_may_write_logs_and_nothing_else(resources: Resources) -> None:
    """An attacker in this function would reach no table, no queue and no secret."""
    assert set(statements(resources, "PanelFunction")) == {"Logs"}
    variables = resources["PanelFunction"]["Properties"]["Environment"]["Variables"]
    assert not [name for name in variables if name.endswith(("_TABLE", "_QUEUE_URL", "_BUCKET", "_ARN"))]


def test_only_its_own_routes_may_call_it(resources: Resources) -> None:
    """One permission for each."""
    allowed = [
        each["Properties"]["SourceArn"]["Fn::Sub"][0].rpartition("${__Stage__}/")[2]
        for each in of_type(resources, "AWS::Lambda::Permission").values()
        if each["Properties"]["FunctionName"] == {"Ref": "PanelFunction"}
    ]
    assert sorted(allowed) == ["GET/", "GET/assets/*", "HEAD/"]
