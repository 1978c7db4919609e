"""Finds the faces in thumbs: one detector, batched."""

from pathlib import Path

from ray import serve

from models.checkpoint import load_manifest
from models.crop.detect import Face, detect_faces, load_detector
from models.pixels import Image
from serve_graph.batch import CallContext
from serve_graph.health import BLANK_THUMB
from serve_graph.inputs import check_thumb
from serve_graph.replica import BatchingReplica


@serve.deployment(user_config={})  # replicas, GPUs and batching: configs/*.yaml
class FaceCropper(BatchingReplica):
    def __init__(self, weights: Path, device: str, threads: int) -> None:
        super().__init__(threads)
        self._detector = load_detector(load_manifest(weights), device)
        self._find = self._batched(self._work, "crop", BLANK_THUMB)

    async def detect(self, thumb: Image, context: CallContext) -> list[Face]:
        """The faces in a thumb, best first, in its px: see `models.crop.detect`.

        Args:
            thumb: uint8 (H, W, 3) RGB with sides of up to THUMB_PX.
            context: of the call.

        Raises:
            ValueError: the thumb has another shape or type.
        """
        check_thumb(thumb)
        return await self._find(thumb, context)

    def _work(self, thumbs: list[Image]) -> list[list[Face]]:
        return detect_faces(self._detector, thumbs)
