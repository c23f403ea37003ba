"""Limits that AWS enforces at deployment and linters do not know: a refused resource rolls back the whole stack."""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hookline_local.places import TEMPLATE
from hookline_local.translate import whole
from limits import COUNTS, LENGTHS, RANGES, RESERVED_VARIABLES, RETENTIONS, Length, Range
from template_reading import RECEIVERS, Resources, flat, http_apis, listed, of_type, operations_of

# Longest generated value: a stack's name has 128 characters, and a table's name begins with it. Parameters given by
# people are shorter in all known cases.
MADE_UP = "x" * 170
LONG_PARAMETER = "x" * 256


def at(value: Any, path: str) -> Iterator[Any]:
    """Values at a path; `*` is every member, and both branches of a condition count."""
    if isinstance(value, dict) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            yield from at(branch, path)
        return
    if value == {"Ref": "AWS::NoValue"}:
        return
    if not path:
        yield value
        return
    name, _, rest = path.partition(".")
    if name == "*":
        members = value.values() if isinstance(value, dict) else value
    else:
        members = [value[name]] if name in value else []
    for member in members:
        yield from at(member, rest)


def numbers(value: Any, source: dict[str, Any], where: str) -> Iterator[int]:
    """Every number that it may become: of a parameter its default, bounds and allowed values."""
    if isinstance(value, dict):
        parameter = source["Parameters"][value["Ref"]]
        assert parameter["Type"] == "Number", f"{where}: {value}"
        if "AllowedValues" in parameter:
            yield from parameter["AllowedValues"]
            return
        # Without its own bound, a parameter accepts values that the resource rejects.
        for bound in ("MinValue", "MaxValue"):
            assert bound in parameter, f"{where}: parameter {value['Ref']} has no {bound}"
            yield parameter[bound]
    else:
        yield int(value)


# Most digits of a number.
MAX_DIGITS = 20


def resolved(value: Any, parameters: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A text at its longest."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "Fn::Sub" in value:
        pattern = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        pattern = pattern.replace("${AWS::StackName}", "x" * 128)
        return re.sub(r"\$\{AWS::\w+\}", "x" * 20, re.sub(r"\$\{(?!AWS)[\w.]+\}", "x" * 64, pattern))
    if value == {"Ref": "AWS::StackName"}:
        return "x" * 128
    if isinstance(value, dict):
        parameter = parameters.get(value.get("Ref", ""))
        if parameter is None:
            return MADE_UP
        longest = MAX_DIGITS if parameter["Type"] == "Number" else parameter.get("MaxLength", len(LONG_PARAMETER))
        return LONG_PARAMETER[:longest]
    return str(value)


def named(limit: Range | Length) -> str:
    """A limit as a test's name."""
    return f"{limit.kind}.{limit.path}"


# Values that mean "unset", which a condition of the template handles.
UNSET = {"ReservedConcurrentExecutions": {0}, "LifecycleConfiguration.Rules.*.ExpirationInDays": {0}}


@pytest.mark.parametrize("limit", RANGES, ids=named)
def test_numbers_are_within_limits(resources: Resources, source: dict[str, Any], limit: Range) -> None:
    """For all allowed values of parameters."""
    for name, resource in of_type(resources, limit.kind).items():
        for value in at(resource["Properties"], limit.path):
            for number in numbers(value, source, name):
                taken = limit.least <= number <= limit.most or number in limit.or_else
                assert taken or number in UNSET.get(limit.path, ()), f"{name}: {number} ({limit.source})"


@pytest.mark.parametrize("limit", LENGTHS, ids=named)
def test_texts_are_within_limits(resources: Resources, limit: Length) -> None:
    """With the longest inserted values."""
    for name, resource in of_type(resources, limit.kind).items():
        for value in at(resource["Properties"], limit.path):
            assert 0 < len(resolved(value)) <= limit.most, f"{name} ({limit.source})"


@pytest.mark.parametrize("limit", COUNTS, ids=named)
def test_counts_are_within_limits(resources: Resources, limit: Length) -> None:
    """Both branches of a condition counted."""
    for name, resource in of_type(resources, limit.kind).items():
        for value in at(resource["Properties"], limit.path):
            assert len(value) <= limit.most, f"{name} ({limit.source})"


def test_no_alarm_computes_over_more_than_ten_metrics(resources: Resources) -> None:
    """A hard limit (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html)."""
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        metrics = alarm["Properties"].get("Metrics", [])
        assert sum("MetricStat" in each for each in metrics) <= 10, name
        if metrics:
            assert sum(each.get("ReturnData", True) for each in metrics) == 1, name
            ids = [each["Id"] for each in metrics]
            assert len(set(ids)) == len(ids), name
            assert all(re.fullmatch("[a-z][a-zA-Z0-9_]{0,254}", each) for each in ids), name


def test_alarm_periods_are_within_limits(resources: Resources) -> None:
    """A day, or a week with periods of an hour and more; a period is 10, 20, 30 or whole minutes.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        periods = [*at(properties, "Period"), *at(properties, "Metrics.*.MetricStat.Period")]
        assert periods, name
        for period in periods:
            assert period in (10, 20, 30) or period % 60 == 0, name
            most = 604_800 if period >= 3_600 else 86_400
            assert period * properties["EvaluationPeriods"] <= most, name
        assert properties.get("DatapointsToAlarm", 1) <= properties["EvaluationPeriods"], name


def test_a_functions_variables_fit(resources: Resources, source: dict[str, Any]) -> None:
    """4 KB in all, by names that are its own.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        size = sum(
            len(variable) + max(len(resolved(each, source["Parameters"])) for each in at(value, ""))
            for variable, value in variables.items()
        )
        assert size <= 4 * 1024, f"{name}: {size}"
        assert not RESERVED_VARIABLES & set(variables), name
        assert all(re.fullmatch("[a-zA-Z][a-zA-Z0-9_]+", variable) for variable in variables), name


def test_no_function_runs_longer_than_its_caller_waits(resources: Resources) -> None:
    """An HTTP API waits 30 s, a WebSocket API 29, and each 10 for an authorizer.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html,
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """
    waits: dict[str, int] = {}

    def wait(text: str, seconds: int) -> None:
        for function in re.findall(r"\$\{(\w+Function)\.Arn\}", text):
            waits[function] = min(seconds, waits.get(function, seconds))

    for api in http_apis(resources).values():
        for operation in operations_of(api).values():
            wait(json.dumps(operation), 30)
        for scheme in api.get("components", {}).get("securitySchemes", {}).values():
            function = scheme["x-amazon-apigateway-authorizer"]["authorizerUri"]["Fn::Sub"][1]["__FunctionArn__"]
            waits[function["Fn::GetAtt"][0]] = 10
    for kind, seconds in (("Integration", 29), ("Authorizer", 10)):
        for each in of_type(resources, f"AWS::ApiGatewayV2::{kind}").values():
            wait(json.dumps(each), seconds)
    assert len(waits) == len(RECEIVERS) + 7
    for function, seconds in waits.items():
        assert resources[function]["Properties"]["Timeout"] < seconds, function


def test_a_batch_is_no_larger_than_its_window_allows(resources: Resources) -> None:
    """From SQS ten without a window of a second; ten thousand at most (API_CreateEventSourceMapping)."""
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        properties = mapping["Properties"]
        from_queue = properties["EventSourceArn"]["Fn::GetAtt"][1] == "Arn"
        window = properties["MaximumBatchingWindowInSeconds"]
        most = 10 if from_queue and window == 0 else 10_000
        assert 1 <= properties["BatchSize"] <= most, name
        # Each applies to one kind of event source only.
        assert ("ScalingConfig" in properties) <= from_queue, name
        assert ("ParallelizationFactor" in properties) <= (not from_queue), name
        for each in at(properties, "FilterCriteria.Filters.*.Pattern"):
            json.loads(each)


def test_no_stream_is_read_by_more_than_two(resources: Resources) -> None:
    """A third reader of a shard is throttled.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """
    readers: dict[str, int] = {}
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        table, attribute = mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"]
        if attribute == "StreamArn":
            readers[table] = readers.get(table, 0) + 1
    assert readers
    assert max(readers.values()) <= 2


def test_a_dead_letter_fits_into_its_queue_and_outlives_its_source(resources: Resources) -> None:
    """Its age counts from when it was sent first.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        properties = queue["Properties"]
        if "RedrivePolicy" in properties:
            letters = resources[properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
            for attribute, default in (("MessageRetentionPeriod", 345_600), ("MaximumMessageSize", 1_048_576)):
                assert letters.get(attribute, default) >= properties.get(attribute, default), (name, attribute)
            assert letters.get("FifoQueue") == properties.get("FifoQueue"), name


def test_a_table_defines_the_attributes_of_its_keys_and_no_others(resources: Resources) -> None:
    """CreateTable rejects anything else with a ValidationException."""
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        keys = [key["AttributeName"] for key in properties["KeySchema"]]
        indices = at(properties, "GlobalSecondaryIndexes.*.KeySchema.*.AttributeName")
        defined = [each["AttributeName"] for each in properties["AttributeDefinitions"]]
        assert sorted(defined) == sorted({*keys, *indices}), name
        assert [key["KeyType"] for key in properties["KeySchema"]] == ["HASH", "RANGE"][: len(keys)], name


def test_a_role_and_its_policies_fit(resources: Resources) -> None:
    """10,240 characters of inline policies and 2,048 of trust, white space not counted; an Sid is letters and digits.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        properties = role["Properties"]
        size = 0
        for policy in properties["Policies"]:
            statements = list(flat(policy["PolicyDocument"]["Statement"]))
            assert all(re.fullmatch("[A-Za-z0-9]+", each["Sid"]) for each in statements), name
            size += sum(
                len(json.dumps(each | {"Resource": ""}))
                + sum(len(resolved(resource)) for resource in flat_resources(each["Resource"]))
                for each in statements
            )
        assert size <= 10_240, f"{name}: {size}"
        assert len(json.dumps(properties["AssumeRolePolicyDocument"])) <= 2_048, name


def flat_resources(value: Any) -> list[Any]:
    """The resources of a statement; an ARN that CloudFormation fills in counts as 150 characters."""
    return ["x" * 150 if isinstance(each, dict) else each for each in listed(value)]


def test_callers_of_a_function_fit_into_its_policy(resources: Resources) -> None:
    """20 KB per function (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    callers: dict[str, int] = {}
    for permission in of_type(resources, "AWS::Lambda::Permission").values():
        function = json.dumps(permission["Properties"]["FunctionName"])
        # A statement as Lambda writes it: Sid, principal, action, the function's ARN and the caller's.
        callers[function] = callers.get(function, 0) + 700
    assert max(callers.values()) <= 20 * 1024


def test_an_api_has_no_more_routes_than_it_may(resources: Resources) -> None:
    """300 routes and integrations, 10 authorizers (http-api-quotas, websocket quotas)."""
    for name, document in http_apis(resources).items():
        count = sum(len(methods) for methods in document["paths"].values())
        assert 0 < count <= 300, name
        assert len(document.get("components", {}).get("securitySchemes", {})) <= 10, name
    for kind in ("Route", "Integration"):
        assert len(of_type(resources, f"AWS::ApiGatewayV2::{kind}")) <= 300


def test_throttles_of_single_routes_are_for_routes_that_exist(resources: Resources) -> None:
    """Otherwise "Unable to find Route by key … within the provided RouteSettings".

    https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/pull/80
    """
    for name, stage in of_type(resources, "AWS::ApiGatewayV2::Stage").items():
        api = stage["Properties"]["ApiId"]["Ref"]
        body = resources[api]["Properties"].get("Body", {})
        own = stage["Properties"].get("RouteSettings", {})
        # The condition of a route's throttle is that of the route.
        paths = {path: condition(methods) for path, methods in body.get("paths", {}).items()}
        routes = {
            f"{method.upper()} {path}": paths[path]
            for path, methods in whole(body.get("paths", {})).items()
            for method in methods
        }
        assert {route: condition(settings) for route, settings in own.items()}.items() <= routes.items(), name
        # CloudFormation knows this type only as JSON, so a parameter would become a text.
        for settings in whole(own).values():
            assert all(isinstance(value, int) for value in settings.values()), name


def condition(value: dict[str, Any]) -> str | None:
    """The condition under which a part exists; `None` if it always does."""
    return value["Fn::If"][0] if "Fn::If" in value else None


def test_schedules_have_the_unit_that_eventbridge_requires(resources: Resources) -> None:
    """1 in the singular, other numbers in the plural (eventbridge-schedule-expressions)."""
    for name, rule in of_type(resources, "AWS::Events::Rule").items():
        count, unit = re.fullmatch(r"rate\((\d+) (\w+)\)", rule["Properties"]["ScheduleExpression"]).groups()
        assert unit in ({"minute", "hour", "day"} if count == "1" else {"minutes", "hours", "days"}), name


def test_log_retention_is_one_that_logs_accept(resources: Resources, source: dict[str, Any]) -> None:
    """One of the numbers of days that PutRetentionPolicy accepts, for all values of the parameter."""
    for name, group in of_type(resources, "AWS::Logs::LogGroup").items():
        assert set(numbers(group["Properties"]["RetentionInDays"], source, name)) <= RETENTIONS, name


def test_metric_filters_are_valid(resources: Resources) -> None:
    """100 per group; a default value and dimensions exclude each other (API_MetricTransformation)."""
    groups: dict[str, int] = {}
    for name, each in of_type(resources, "AWS::Logs::MetricFilter").items():
        group = json.dumps(each["Properties"]["LogGroupName"])
        groups[group] = groups.get(group, 0) + 1
        for metric in each["Properties"]["MetricTransformations"]:
            assert not ("DefaultValue" in metric and metric.get("Dimensions")), name
            assert not re.search(r"[:*$]", metric["MetricName"]), name
    assert max(groups.values()) <= 100


def test_policies_of_keys_and_buckets_fit(resources: Resources) -> None:
    """32 KB and 20 KB (API_CreateKey; https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html)."""
    for key in of_type(resources, "AWS::KMS::Key").values():
        assert len(json.dumps(key["Properties"]["KeyPolicy"])) <= 32 * 1024
    for policy in of_type(resources, "AWS::S3::BucketPolicy").values():
        assert len(json.dumps(policy["Properties"]["PolicyDocument"])) <= 20 * 1024
    for bucket in of_type(resources, "AWS::S3::Bucket").values():
        ids = list(at(bucket["Properties"], "LifecycleConfiguration.Rules.*.Id"))
        assert len(set(ids)) == len(ids)


def test_the_template_itself_fits(resources: Resources, source: dict[str, Any]) -> None:
    """500 resources, 200 parameters and outputs, 1 MB; names of letters and digits.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    assert len(resources) <= 500
    assert len(source["Parameters"]) <= 200
    assert len(source["Outputs"]) <= 200
    assert len(TEMPLATE.read_bytes()) < 1_000_000
    assert len(json.dumps(resources)) < 1_000_000
    assert len(source["Description"].encode()) <= 1_024
    for name in (*resources, *source["Parameters"], *source["Outputs"]):
        assert re.fullmatch("[A-Za-z0-9]{1,255}", name), name
    for name, parameter in source["Parameters"].items():
        assert len(parameter.get("Description", "")) <= 4_000, name
        assert len(str(parameter.get("Default", "")).encode()) <= 4_096, name
    for name, output in source["Outputs"].items():
        assert len(output.get("Description", "")) <= 1_024, name


def test_parameters_refuse_wrong_values_with_a_sentence(source: dict[str, Any]) -> None:
    """A default must be an allowed value, or no stack can be created without setting it."""
    for name, parameter in source["Parameters"].items():
        if "Default" not in parameter:
            continue
        default = parameter["Default"]
        if "AllowedValues" in parameter:
            assert default in parameter["AllowedValues"], name
        if "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], str(default)), name
        if parameter["Type"] == "Number":
            assert parameter.get("MinValue", default) <= default <= parameter.get("MaxValue", default), name


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopify-AbC123", True),
        ("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:app/prod/shopify-client-a1B2c3", True),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopify", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopify-*", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopify-??????", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopify-AbC123:SecretString:", False),
        ("shopify-AbC123", False),
    ],
)
def test_the_secrets_arn_must_be_complete(source: dict[str, Any], arn: str, taken: bool) -> None:
    """Permissions are for this very text; one without its last six characters deploys, and then nothing may read it."""
    pattern = source["Parameters"]["ShopifyClientSecretsArn"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, arn)) == taken
