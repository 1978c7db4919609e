"""Marks the mask on faces: one U-Net, batched."""

from pathlib import Path

from ray import serve

from models.checkpoint import load_manifest
from models.mask.detect import MaskFinding, detect_masks, load_mask_net
from models.pixels import Image, pack_mask
from serve_graph.batch import CallContext
from serve_graph.health import BLANK_FACE
from serve_graph.inputs import check_picture
from serve_graph.replica import BatchingReplica


@serve.deployment(user_config={})  # replicas, GPUs and batching: configs/*.yaml
class MaskDetector(BatchingReplica):
    def __init__(self, weights: Path, device: str, threads: int) -> None:
        super().__init__(threads)
        self._net = load_mask_net(load_manifest(weights), device)
        self._find = self._batched(self._work, "mask", BLANK_FACE)

    async def detect(self, face: Image, context: CallContext) -> tuple[bytes, float]:
        """The mask of a canonical face, a bit per pixel, and the probability that one is worn.

        Args:
            face: uint8 (256, 256, 3) RGB.
            context: of the call.

        Raises:
            ValueError: the face has another shape or type.
        """
        check_picture(face)
        finding = await self._find(face, context)
        return pack_mask(finding.mask), finding.probability

    def _work(self, faces: list[Image]) -> list[MaskFinding]:
        return detect_masks(self._net, faces)
