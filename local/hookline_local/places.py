"""Paths of the repository, the cache, the samples and the built functions."""

from pathlib import Path

import environments

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "template.yaml"
FUNCTIONS = REPOSITORY / "target" / "lambda"
EVENTS = REPOSITORY / "events" / "shopify"
CACHE = environments.cache()
DEV_STACK = CACHE / "dev-stack.json"


def tool(name: str) -> str:
    """Path of a program of the tools environment."""
    return str(environments.path("tools") / "bin" / name)
