"""Zips the built functions for `sam deploy`, once per build. sam would zip them for every stack: ten seconds of CPU."""

import hashlib
import os
import zipfile
from pathlib import Path

from .places import FUNCTIONS

ARCHIVES = FUNCTIONS.parent / "lambda-archives"
# A third of the time of the default level, and a tenth larger.
COMPRESSION_LEVEL = 1


def archive(folder: str) -> Path:
    """The zip of a function's folder; rebuilt if the folder has changed. Safe in two processes at once."""
    files = sorted(file for file in (FUNCTIONS / folder).rglob("*") if file.is_file())
    target = ARCHIVES / folder / f"{digest(files)}.zip"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    older = list(target.parent.glob("*.zip"))
    building = target.with_suffix(f".building-{os.getpid()}")
    with zipfile.ZipFile(building, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as content:
        for file in files:
            content.write(file, file.relative_to(FUNCTIONS / folder))
    building.rename(target)
    for each in older:
        if each != target:
            each.unlink(missing_ok=True)
    return target


def digest(files: list[Path]) -> str:
    """One hash for the names, sizes and times of files."""
    total = hashlib.sha256()
    for file in files:
        status = file.stat()
        total.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return total.hexdigest()[:12]
