"""Paints what a mask hides: the landmark net guesses the points, the generator paints along them.

It also finds the points of a reference face, with the same landmark net or with FAN.
"""

from pathlib import Path

from ray import serve

from models.checkpoint import load_manifest
from models.inpaint.paint import Painted, load_generator, paint_candidates
from models.landmarks.fan import load_fan
from models.landmarks.guess import Wish
from models.landmarks.predict import find_bare_landmarks, load_landmark_net
from models.pixels import Image, Landmarks, Mask
from serve_graph.batch import CallContext
from serve_graph.health import ALL_HIDDEN, BLANK_FACE
from serve_graph.inputs import check_picture, unpack_hole
from serve_graph.replica import BatchingReplica

FaceAndWish = tuple[Image, Mask, Wish]


@serve.deployment(user_config={})  # replicas, GPUs and batching: configs/*.yaml
class Inpainter(BatchingReplica):
    def __init__(self, weights: Path, device: str, threads: int, fan_weights: Path | None) -> None:
        super().__init__(threads)
        manifest = load_manifest(weights)
        self._landmark_net = load_landmark_net(manifest, device)
        self._generator = load_generator(manifest, device)
        self._fan = load_fan(fan_weights, device) if fan_weights else None
        blank = (BLANK_FACE, ALL_HIDDEN, Wish())
        self._paint = self._batched(self._paint_all, "inpaint", blank)
        self._find = self._batched(self._find_all, "landmarks", BLANK_FACE)

    async def inpaint(
        self, face: Image, hole: bytes, wish: Wish, context: CallContext
    ) -> list[Painted]:
        """A canonical face with its hole painted, once for each candidate, most likely first.

        Args:
            face: uint8 (256, 256, 3) RGB.
            hole: what to paint: 256 x 256 bits, packed by `models.pixels.pack_mask`.
            wish: which expression, and how many candidates.
            context: of the call.

        Raises:
            ValueError: face or hole has another shape or type.
        """
        check_picture(face)
        return await self._paint((face, unpack_hole(hole), wish), context)

    async def find_landmarks(self, face: Image, context: CallContext) -> Landmarks:
        """The points of a bare canonical face: float32 (68, 2) px of the frame, in iBUG order.

        Args:
            face: uint8 (256, 256, 3) RGB.
            context: of the call.

        Raises:
            ValueError: the face has another shape or type.
        """
        check_picture(face)
        return await self._find(face, context)

    def _paint_all(self, items: list[FaceAndWish]) -> list[list[Painted]]:
        faces, holes, wishes = zip(*items, strict=True)
        return paint_candidates(self._generator, self._landmark_net, faces, holes, wishes)

    def _find_all(self, faces: list[Image]) -> list[Landmarks]:
        return find_bare_landmarks(self._landmark_net, self._fan, faces)
