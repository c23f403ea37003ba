"""Fetches Shopify's real Admin schema, which the local Shopify and the check of our queries are made of.

    python3 local/shopify_schema.py make    # fetches it when it is missing, a no-op otherwise
    python3 local/shopify_schema.py path    # prints where it is

It is the introspection of API version 2026-10, from Shopify's npm package `@shopify/dev-mcp` (ISC licence), pinned and
checked against its digest. It stays in the cache and out of the repository. npm fetches it where there is npm, so that
the machine's registry and proxy apply; otherwise it is fetched straight from NPM_CONFIG_REGISTRY or npmjs.org.
Runs on the plain Python of the machine.
"""

import base64
import fcntl
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

import environments

API_VERSION = "2026-10"
PACKAGE = "@shopify/dev-mcp"
VERSION = "1.16.0"
# `dist.integrity` of that version in the registry.
SHA512 = "tqgRnK7sQhjew+htxtleTH23nXB5fZcsrhWgEkomsorGXvLOB2mh2upwZm8uzuTDNTZnqtLMe64yIwh6s2awtw=="
MEMBER = f"package/dist/data/admin_{API_VERSION}.json.gz"
TIMEOUT_SECONDS = 120


def path() -> Path:
    """The schema's file (gzipped JSON), whether it exists or not."""
    return environments.cache() / "shopify-schema" / f"dev-mcp-{VERSION}" / f"admin_{API_VERSION}.json.gz"


def make() -> None:
    """Fetches the schema unless its file exists. Safe to call from two processes at once."""
    target = path()
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        environments.say(f"fetching Shopify's Admin schema, 14 MB (once; kept in {target.parent})")
        content = extract(by_npm() if shutil.which("npm") else by_http())
        building = target.with_suffix(".building")
        building.write_bytes(content)
        building.rename(target)


def by_npm() -> bytes:
    """The package as npm fetches it; nothing of it is run."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--ignore-scripts", "--pack-destination", folder]
        environments.run(command)
        return next(Path(folder).glob("*.tgz")).read_bytes()


def by_http() -> bytes:
    """The package straight from the registry, for machines without node."""
    registry = (os.environ.get("NPM_CONFIG_REGISTRY") or "https://registry.npmjs.org").rstrip("/")
    url = f"{registry}/{PACKAGE}/-/{PACKAGE.rpartition('/')[2]}-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return response.read()
    except OSError as error:
        sys.exit(f"{url} cannot be fetched: {error}")


def extract(package: bytes) -> bytes:
    """The schema out of the package, whose digest must be the pinned one."""
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != SHA512:
        sys.exit(f"{PACKAGE} {VERSION} is not what it was: sha512-{found} instead of sha512-{SHA512}")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        return archive.extractfile(MEMBER).read()


def main(arguments: list[str]) -> None:
    """Command line: `make` or `path`."""
    if arguments == ["make"]:
        make()
    elif arguments == ["path"]:
        print(path())
    else:
        sys.exit(f"usage: {sys.argv[0]} make|path")


if __name__ == "__main__":
    main(sys.argv[1:])
