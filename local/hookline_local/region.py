"""The one region for deploying, checking and running commands.

The first that is set of REGION=, AWS_REGION, AWS_DEFAULT_REGION and the profile. AWS's own tools disagree: boto3,
and with it sam, does not read AWS_REGION; the SDK of `hookline` reads that and the profile, and nothing else.
"""

import os
import re
import sys
from collections.abc import Mapping

import botocore.session
from botocore.exceptions import BotoCoreError


class NoRegionError(Exception):
    """No region is set, or it is not one. The message says what to do."""


def region(given: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """The region; raises NoRegionError."""
    requested = given or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or of_profile()
    if not requested:
        raise NoRegionError("no region is set: add REGION=eu-west-1, set AWS_REGION, or set one in your profile")
    if not re.fullmatch(r"[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}", requested):
        raise NoRegionError(f"{requested!r} is not a region: write it as in REGION=eu-west-1")
    return requested


def of_profile() -> str:
    """The region of the profile in use, or an empty text."""
    try:
        return botocore.session.Session().get_config_variable("region") or ""
    except BotoCoreError as error:
        raise NoRegionError(str(error).rstrip(".")) from error


def main(arguments: list[str]) -> int:
    """Prints the region, or the reason why there is none."""
    try:
        print(region(*arguments))
    except NoRegionError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
