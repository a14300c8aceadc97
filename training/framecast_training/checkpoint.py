"""Checkpoints that survive: written beside the old one, then renamed over it."""

import os
from pathlib import Path
from typing import Any

import torch


class CheckpointFault(Exception):
    pass


def save(file: Path, state: object) -> None:
    """Whole or not at all. A full disk leaves the last checkpoint as it was. @raises CheckpointFault"""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    try:
        with beside.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except OSError as cause:
        beside.unlink(missing_ok=True)
        raise CheckpointFault(f"Cannot write the checkpoint {file}: {cause.strerror}; the last one is intact") from cause


def load(file: Path) -> dict[str, Any] | None:
    """None when there is none yet. @raises CheckpointFault for a file that cannot be read"""
    if not file.exists():
        return None
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as cause:
        raise CheckpointFault(f"Cannot read the checkpoint {file}: {cause}. Remove it to begin anew") from cause
