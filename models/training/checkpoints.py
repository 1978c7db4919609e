"""Checkpoints of a run: written whole or not at all, and read without running code in them."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from models.atomic_write import atomic_write
from models.errors import Mask2FaceError


class CheckpointError(Mask2FaceError):
    """A checkpoint can't be read or written."""


def write_checkpoint(state: Mapping[str, Any], checkpoint: Path) -> None:
    """Writes the state of a run, atomically: the checkpoint before it is kept until the end.

    Raises:
        CheckpointError: it can't be written, as on a full disk.
    """
    try:
        with atomic_write(checkpoint) as part:
            torch.save(state, part)
    except (RuntimeError, OSError) as error:  # torch says little, in several lines
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{checkpoint} can't be written ({reason}): make room on its disk, then run the "
            "same command again to continue from the checkpoint before."
        ) from error


def read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """The state of a run, its tensors on the CPU.

    Raises:
        CheckpointError: it is damaged, or no checkpoint.
        PermissionError: it may not be read.
    """
    try:
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location="cpu")
        return state
    except PermissionError:
        raise
    # As it was cut off; changed bytes make the unpickler look for what isn't there.
    except (RuntimeError, EOFError, UnpicklingError, OSError, LookupError, ValueError) as error:
        reason = f"{type(error).__name__}: {str(error).partition('. ')[0]}"
        raise CheckpointError(
            f"{checkpoint} can't be read ({reason}). "
            "If it is damaged, remove it, and the run starts again at its first step; or train in "
            "another folder."
        ) from error
