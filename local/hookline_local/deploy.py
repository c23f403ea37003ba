"""Deploys template.yaml to the emulated AWS, with the same `sam deploy` as to the real one."""

import base64
import json
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import processes
from .places import FUNCTIONS, REPOSITORY, tool
from .ports import HOST, Ports
from .shopkeeper import CLIENT_ID
from .translate import deployable, source

STACK = "hookline"
BUCKET = "hookline-artifacts"
EVENT_BUS = "listeners"
# Sources whose inbound endpoints have keys of their own.
KEYED_SOURCES = ("standard",)


class DeployError(Exception):
    """The stack could not be deployed. The message says why and what to do."""


@dataclass(frozen=True)
class Credentials:
    """Secret of one run, generated for each and never shown in a repr."""

    shopify: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


def aws_client(service: str, ports: Ports):  # noqa: ANN201 (boto3 makes its classes at run time)
    """A client of the emulated AWS."""
    return boto3.client(
        service,
        endpoint_url=f"http://{HOST}:{ports.aws}",
        region_name=processes.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (required by the emulator)
        config=Config(retries={"max_attempts": 1}),
    )


def functions() -> dict[str, str]:
    """Folder of each function in the template, by logical id."""
    return {
        name: Path(resource["Properties"]["CodeUri"]).name
        for name, resource in source()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def check_built() -> None:
    """Raises unless every function of the template and the command are built."""
    missing = [
        folder for folder in (*functions().values(), "hookline") if not (FUNCTIONS / folder / "bootstrap").is_file()
    ]
    if missing:
        raise DeployError(f"not built: {', '.join(missing)} (in target/lambda/). Run `make build-local`.")


def deploy(ports: Ports, credentials: Credentials, folder: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Stores the secret, creates the event bus, deploys the template, and returns the stack's outputs."""
    check_built()
    vault = aws_client("secretsmanager", ports)
    secret = vault.create_secret(Name="shopify-client-secrets", SecretString=credentials.shopify)["ARN"]
    # Without an endpoint yet: `hookline source add` adds them.
    keys = {
        f"{source.capitalize()}KeysArn": vault.create_secret(Name=f"{source}-keys", SecretString="{}")["ARN"]
        for source in KEYED_SOURCES
    }
    aws_client("s3", ports).create_bucket(Bucket=BUCKET)
    personal_key, personal_public_key = key_for_personal_data(ports)
    bus = aws_client("events", ports).create_event_bus(Name=EVENT_BUS)["EventBusArn"]
    values = (
        {
            "ShopifyClientSecretsArn": secret,
            "OpenSearchUrl": f"http://{HOST}:{ports.search}",
            "OpenSearchArn": f"arn:aws:es:{processes.REGION}:000000000000:domain/local",
            "OpenSearchSigningService": "none",
            "ShopifyAdminUrl": f"http://{HOST}:{ports.shopify}/{{store}}",
            "ShopifyClientId": CLIENT_ID,
            "EventBusArn": bus,
            # Receivers write their counts at once, so that the demo need not wait.
            "StatusTallySeconds": "0",
            # Every family, so that each topic can be tried.
            "EventsOf": "orders,customers,payments,shipping",
            # Endpoints may ask for personal data, so that it can be tried.
            "PersonalKeyArn": personal_key,
            "PersonalPublicKey": personal_public_key,
            "ForwardBodies": "yes",
            # Keeps applied deliveries, so that `hookline replay` can be tried.
            "ArchiveDays": "1",
            # The local Shopify sends at once, so no webhook is in flight when a reconciliation begins.
            "ReconcileGraceSeconds": "0",
        }
        | keys
        | dict(parameters)
    )
    sam_deploy(ports, folder, values)
    stack = aws_client("cloudformation", ports).describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def key_for_personal_data(ports: Ports) -> tuple[str, str]:
    """Creates the key as docs/operations.md says, and returns its ARN and its public half."""
    kms = aws_client("kms", ports)
    arn = kms.create_key(KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    return arn, base64.b64encode(kms.get_public_key(KeyId=arn)["PublicKey"]).decode()


def sam_deploy(ports: Ports, folder: Path, parameters: Mapping[str, str]) -> None:
    """Runs `sam deploy`; its output goes to a log and, when it fails, into the message."""
    template = folder / "template.json"
    template.write_text(json.dumps(deployable()))
    command = [
        tool("sam"), "deploy",
        "--template-file", str(template),
        "--stack-name", STACK,
        "--s3-bucket", BUCKET,
        "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items()),
    ]  # fmt: skip
    environment = processes.aws_environment(ports) | {"SAM_CLI_POLL_DELAY": "0.2"}
    log = folder / "sam.log"
    with open(log, "wb") as output:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        reasons = failures(ports) or "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise DeployError(f"sam deploy failed ({log}):\n{reasons}")


def failures(ports: Ports) -> str:
    """Reasons why resources could not be created, if the deployment got that far."""
    try:
        events = aws_client("cloudformation", ports).describe_stack_events(StackName=STACK)["StackEvents"]
    except ClientError:
        return ""
    failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
    return "\n".join(f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', '?')}" for each in failed)
