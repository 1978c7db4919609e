"""Finds the faces in thumbs: one detector, batched."""

from pathlib import Path

import numpy as np
from ray import serve

from models.checkpoint import load_manifest
from models.crop.detect import THUMB_PX, Face, detect_faces, load_detector
from models.pixels import Image
from serve_graph.batch import Asked
from serve_graph.health import BLANK_THUMB
from serve_graph.replica import BatchingReplica


@serve.deployment(user_config={})  # replicas, GPUs and batching: configs/*.yaml
class FaceCropper(BatchingReplica):
    def __init__(self, weights: Path, device: str, threads: int) -> None:
        super().__init__(threads)
        self._detector = load_detector(load_manifest(weights), device)
        self._find = self._batched(self._work, "crop", BLANK_THUMB)

    async def detect(self, thumb: Image, asked: Asked) -> list[Face]:
        """The faces in a thumb: see `models.crop.detect`."""
        check_thumb(thumb)
        return await self._find(thumb, asked)

    def _work(self, thumbs: list[Image]) -> list[list[Face]]:
        return detect_faces(self._detector, thumbs)


def check_thumb(thumb: Image) -> None:
    """Rejects a thumb that the detector can't process.

    Raises:
        ValueError: not uint8 (H, W, 3) with sides of up to THUMB_PX.
    """
    sides = thumb.shape[:2]
    fits = thumb.ndim == 3 and thumb.shape[2] == 3 and 0 < min(sides) <= max(sides) <= THUMB_PX
    if thumb.dtype != np.uint8 or not fits:
        raise ValueError(
            f"Expected uint8 (H, W, 3) up to {THUMB_PX} px, got {thumb.dtype} {thumb.shape}."
        )
