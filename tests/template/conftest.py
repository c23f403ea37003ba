"""The translated template, and how to read it."""

from typing import Any

import pytest
from hookline_local import translate

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def source() -> dict[str, Any]:
    """template.yaml as written."""
    return translate.source()


@pytest.fixture(scope="session")
def resources() -> Resources:
    """The resources as CloudFormation gets them."""
    return translate.translated()["Resources"]
