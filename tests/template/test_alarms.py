"""Alarms, their recipients and their descriptions."""

from typing import Any

from hookline_local.places import REPOSITORY
from template_reading import KEYED, RECEIVERS, Resources, of_type

NO_RECIPIENT = {"Ref": "AWS::NoValue"}
RECIPIENTS = [
    {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, NO_RECIPIENT]},
    {"Fn::If": ["HasAlarmEmail", {"Ref": "AlarmTopic"}, NO_RECIPIENT]},
]


def test_every_alarm_has_an_instruction(resources: Resources) -> None:
    """A description of several sentences, one of which is an instruction."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 33
    verbs = ("Look at", "Check that", "Read the", "put the", "read the", "Ask AWS")
    for name, alarm in alarms.items():
        description = alarm["Properties"]["AlarmDescription"]
        assert any(verb in description for verb in verbs), name
        assert len(description) > 100, name
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching", name
        assert alarm["Properties"]["AlarmActions"] == RECIPIENTS, name


def test_the_queues_are_watched(resources: Resources) -> None:
    """Alarms watch the age and the dead letters."""
    watched = {
        (each["Properties"]["MetricName"], each["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
        for each in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if each["Properties"].get("Namespace") == "AWS/SQS"
    }
    assert watched == {
        ("ApproximateAgeOfOldestMessage", "EventQueue"),
        ("ApproximateAgeOfOldestMessageInQuietGroups", "EventQueue"),
        ("ApproximateNumberOfMessagesVisible", "EventDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "SyncQueue"),
        ("ApproximateNumberOfMessagesVisible", "SyncDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "FanOutQueue"),
        ("ApproximateNumberOfMessagesVisible", "FanOutDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "DispatchQueue"),
        ("ApproximateNumberOfMessagesVisible", "DispatchDeadLetterQueue"),
    }


def test_every_receiver_is_watched_for_throttles(resources: Resources) -> None:
    """Several alarms, because more than ten metrics exceed the limit of one."""
    watched = [
        metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        for metric in alarm["Properties"].get("Metrics", [])
        if metric.get("MetricStat", {}).get("Metric", {}).get("MetricName") == "Throttles"
    ]
    assert sorted(watched) == sorted(RECEIVERS)


def test_every_receivers_outcomes_are_counted(resources: Resources) -> None:
    """Each has a metric filter on its own log group."""
    for metric in metrics(resources, "{ $.fields.outcome = * }", set(RECEIVERS)):
        assert metric["MetricName"] == "Webhooks"
        assert metric["Dimensions"] == [{"Key": "Outcome", "Value": "$.fields.outcome"}]


def test_uses_of_the_old_client_secret_are_counted(resources: Resources) -> None:
    """Every receiver of Shopify counts them; a day without uses is 0 and not a gap. Keys of endpoints rotate apart."""
    for metric in metrics(resources, "{ $.fields.secret = 1 }", set(RECEIVERS) - KEYED):
        assert (metric["MetricName"], metric["MetricValue"]) == ("OldSecretNeeded", "1")
        assert metric["DefaultValue"] == 0
        assert "Dimensions" not in metric


def test_functions_that_rules_invoke_are_watched(resources: Resources) -> None:
    """A failed invocation by a rule is retried twice and lost: errors, events that Lambda drops, failed invocations."""
    for rule_name, rule in of_type(resources, "AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            function = target["Arn"]["Fn::GetAtt"][0]
            assert ("AWS/Lambda", "Errors", function) in watched(resources)
            assert ("AWS/Lambda", "AsyncEventsDropped", function) in watched(resources)
            assert ("AWS/Events", "FailedInvocations", rule_name) in watched(resources)


def test_a_failing_consumer_raises_an_alarm_even_with_few_events(resources: Resources) -> None:
    """By batch errors, and by the consumer's own count of failed messages, because SQS excludes these from the age."""
    retried = {"ReindexFunction": ("EventsRetried", "retry"), "SyncFunction": ("JobsRetried", "again")}
    code = (REPOSITORY / "crates/lambda/src/batch.rs").read_text() + (
        REPOSITORY / "crates/lambda/src/jobs.rs"
    ).read_text()
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        function = mapping["Properties"]["FunctionName"]["Ref"]
        assert ("AWS/Lambda", "Errors", function) in watched(resources)
        if function in retried:
            metric, outcome = retried[function]
            each = resources[metric]["Properties"]
            assert each["FilterPattern"] == f'{{ $.fields.outcome = "{outcome}" }}'
            assert each["LogGroupName"] == {"Ref": function.replace("Function", "Logs")}
            assert f'("{outcome}", ' in code
    # A batch that failed before its messages counts as well.
    assert 'outcome = "retry"' in code
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    for metric, _ in retried.values():
        (alarm,) = [each["Properties"] for each in alarms.values() if each["Properties"].get("MetricName") == metric]
        # Before the last attempt has parked it: eight times the visibility timeout.
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 8 * 180 * (2 if metric == "JobsRetried" else 1)


def test_refusals_raise_an_alarm(resources: Resources) -> None:
    """Refusals by the authorizer, from its log line, and by the throttle of the receivers."""
    assert resources["AccessRefused"]["Properties"]["FilterPattern"] == '{ $.fields.outcome = "refused: *" }'
    assert 'format!("refused: {reason}")' in (REPOSITORY / "crates/api/src/authorizer.rs").read_text()
    assert resources["WebhooksTooMany"]["Properties"]["FilterPattern"] == '{ $.status = "429" }'
    assert resources["WebhooksTooMany"]["Properties"]["LogGroupName"] == {"Ref": "WebhooksAccessLogs"}


def test_every_custom_metric_with_an_alarm_has_a_filter(resources: Resources) -> None:
    """An alarm on a metric that is never written stays silent forever."""
    made = {
        metric["MetricName"]
        for each in of_type(resources, "AWS::Logs::MetricFilter").values()
        for metric in each["Properties"]["MetricTransformations"]
    }
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        if properties.get("Namespace") == {"Fn::Sub": "Hookline/${AWS::StackName}"}:
            assert properties["MetricName"] in made, name


def test_alarms_notify_the_topic_and_the_address(resources: Resources, source: dict[str, Any]) -> None:
    """An existing topic, an address, or both; with neither, no topic is created."""
    topic = resources["AlarmTopic"]
    assert topic["Condition"] == "HasAlarmEmail"
    assert topic["Properties"]["Subscription"] == [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}]
    assert source["Parameters"]["AlarmEmail"]["Default"] == source["Parameters"]["AlarmTopicArn"]["Default"] == ""


def watched(resources: Resources) -> set[tuple[str, str, str]]:
    """Namespace, metric and resource of every alarm's metrics of AWS's own."""
    found = set()
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        stats = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
        for metric in stats or [properties]:
            for dimension in metric.get("Dimensions", []):
                if isinstance(dimension["Value"], dict):
                    value = dimension["Value"]
                    resource = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
                    found.add((metric["Namespace"], metric["MetricName"], resource))
    return found


def metrics(resources: Resources, pattern: str, receivers: set[str]) -> list[dict[str, Any]]:
    """Metrics to which log lines of this pattern add; there is one for each of these receivers, and no other."""
    filters = [each["Properties"] for each in of_type(resources, "AWS::Logs::MetricFilter").values()]
    matching = [each for each in filters if each["FilterPattern"] == pattern]
    assert sorted(each["LogGroupName"]["Ref"] for each in matching) == sorted(
        name.replace("Function", "Logs") for name in receivers
    )
    return [metric for each in matching for metric in each["MetricTransformations"]]
