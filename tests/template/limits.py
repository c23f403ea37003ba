"""Limits of AWS by type of resource that linters do not know, each with its source.

A number is compared in all the values that the template's parameters allow, not only in their defaults.
"""

from dataclasses import dataclass

CLOUDWATCH = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
FUNCTION = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
MAPPING = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html"
QUEUE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
HTTP_API = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
WEBSOCKET = "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"
AUTHORIZER = "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html"
RULE = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html"
KEY = "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"
LIFECYCLE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html"
LOGS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
FILTERS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html"
ALARM_LIMITS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
CLOUDFORMATION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
TABLE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"


@dataclass(frozen=True)
class Range:
    """Minimum and maximum of a number; `or_else` are further accepted values."""

    kind: str
    path: str
    least: int
    most: int
    source: str
    or_else: tuple[int, ...] = ()


@dataclass(frozen=True)
class Length:
    """Allowed length of a text."""

    kind: str
    path: str
    most: int
    source: str


RANGES = (
    Range("AWS::Lambda::Function", "Timeout", 1, 900, LAMBDA),
    Range("AWS::Lambda::Function", "MemorySize", 128, 10_240, LAMBDA),
    Range("AWS::Lambda::Function", "ReservedConcurrentExecutions", 1, 1_000, LAMBDA),
    Range("AWS::Lambda::EventSourceMapping", "MaximumBatchingWindowInSeconds", 0, 300, MAPPING),
    Range("AWS::Lambda::EventSourceMapping", "ParallelizationFactor", 1, 10, MAPPING),
    Range("AWS::Lambda::EventSourceMapping", "MaximumRetryAttempts", 0, 10_000, MAPPING, (-1,)),
    Range("AWS::Lambda::EventSourceMapping", "MaximumRecordAgeInSeconds", 60, 604_800, MAPPING, (-1,)),
    Range("AWS::Lambda::EventSourceMapping", "ScalingConfig.MaximumConcurrency", 2, 1_000, MAPPING),
    Range("AWS::SQS::Queue", "VisibilityTimeout", 0, 43_200, QUEUE),
    Range("AWS::SQS::Queue", "MessageRetentionPeriod", 60, 1_209_600, QUEUE),
    Range("AWS::SQS::Queue", "DelaySeconds", 0, 900, QUEUE),
    Range("AWS::SQS::Queue", "ReceiveMessageWaitTimeSeconds", 0, 20, QUEUE),
    Range("AWS::SQS::Queue", "MaximumMessageSize", 1_024, 1_048_576, QUEUE),
    Range("AWS::SQS::Queue", "RedrivePolicy.maxReceiveCount", 1, 1_000, QUEUE),
    Range("AWS::ApiGatewayV2::Stage", "DefaultRouteSettings.ThrottlingRateLimit", 1, 10_000, HTTP_API),
    Range("AWS::ApiGatewayV2::Stage", "DefaultRouteSettings.ThrottlingBurstLimit", 1, 5_000, HTTP_API),
    Range("AWS::ApiGatewayV2::Stage", "RouteSettings.*.ThrottlingRateLimit", 1, 10_000, HTTP_API),
    Range("AWS::ApiGatewayV2::Stage", "RouteSettings.*.ThrottlingBurstLimit", 1, 5_000, HTTP_API),
    Range("AWS::ApiGatewayV2::Integration", "TimeoutInMillis", 50, 29_000, WEBSOCKET),
    Range("AWS::ApiGatewayV2::Authorizer", "AuthorizerResultTtlInSeconds", 0, 3_600, AUTHORIZER),
    Range("AWS::S3::Bucket", "LifecycleConfiguration.Rules.*.ExpirationInDays", 1, 2**31 - 1, LIFECYCLE),
    Range(
        "AWS::S3::Bucket",
        "LifecycleConfiguration.Rules.*.AbortIncompleteMultipartUpload.DaysAfterInitiation",
        1,
        2**31 - 1,
        LIFECYCLE,
    ),
)

LENGTHS = (
    Length("AWS::Lambda::Function", "Description", 256, FUNCTION),
    Length("AWS::CloudWatch::Alarm", "AlarmDescription", 1_024, CLOUDWATCH),
    Length("AWS::CloudWatch::Alarm", "Namespace", 255, CLOUDWATCH),
    Length("AWS::CloudWatch::Alarm", "MetricName", 255, CLOUDWATCH),
    Length("AWS::CloudWatch::Alarm", "Metrics.*.Expression", 2_048, CLOUDWATCH),
    Length("AWS::ApiGatewayV2::Api", "Description", 1_024, HTTP_API),
    Length("AWS::ApiGatewayV2::Api", "Name", 128, HTTP_API),
    Length("AWS::ApiGatewayV2::Stage", "StageName", 128, HTTP_API),
    Length("AWS::ApiGatewayV2::Stage", "AccessLogSettings.Format", 3_072, HTTP_API),
    Length("AWS::Events::Rule", "Description", 512, RULE),
    Length("AWS::Events::Rule", "ScheduleExpression", 256, RULE),
    Length("AWS::Events::Rule", "Targets.*.Input", 8_192, RULE),
    Length("AWS::Events::Rule", "Targets.*.Id", 64, RULE),
    Length("AWS::KMS::Key", "Description", 8_192, KEY),
    Length("AWS::Logs::LogGroup", "LogGroupName", 512, LOGS),
    Length("AWS::Logs::MetricFilter", "FilterPattern", 1_024, FILTERS),
    Length("AWS::Logs::MetricFilter", "MetricTransformations.*.MetricName", 255, FILTERS),
    Length("AWS::Logs::MetricFilter", "MetricTransformations.*.MetricNamespace", 255, FILTERS),
    Length("AWS::S3::Bucket", "LifecycleConfiguration.Rules.*.Id", 255, LIFECYCLE),
    Length("AWS::Lambda::EventSourceMapping", "FilterCriteria.Filters.*.Pattern", 4_096, MAPPING),
    Length("AWS::DynamoDB::Table", "AttributeDefinitions.*.AttributeName", 255, TABLE),
)

# Maximum counts of a resource's parts.
COUNTS = (
    Length("AWS::Lambda::Function", "Layers", 5, LAMBDA),
    Length("AWS::Lambda::Function", "Architectures", 1, FUNCTION),
    Length("AWS::Lambda::EventSourceMapping", "FilterCriteria.Filters", 5, MAPPING),
    Length("AWS::CloudWatch::Alarm", "AlarmActions", 5, CLOUDWATCH),
    Length("AWS::CloudWatch::Alarm", "OKActions", 5, CLOUDWATCH),
    Length("AWS::CloudWatch::Alarm", "Dimensions", 30, CLOUDWATCH),
    Length("AWS::Logs::MetricFilter", "MetricTransformations", 1, FILTERS),
    Length("AWS::Logs::MetricFilter", "MetricTransformations.*.Dimensions", 3, FILTERS),
    Length("AWS::Events::Rule", "Targets", 5, RULE),
    Length("AWS::S3::Bucket", "LifecycleConfiguration.Rules", 1_000, LIFECYCLE),
    Length("AWS::DynamoDB::Table", "KeySchema", 2, TABLE),
    Length("AWS::DynamoDB::Table", "GlobalSecondaryIndexes", 20, TABLE),
    Length("AWS::IAM::Role", "ManagedPolicyArns", 10, IAM),
)

# Allowed retention of a log group, in days.
RETENTIONS = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}  # fmt: skip

# Reserved variables of functions
# (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
RESERVED_VARIABLES = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}  # fmt: skip
