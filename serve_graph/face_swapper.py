"""Puts a reference's lower face into a painted face: no net, one thread per item of a batch."""

from ray import serve

from models.choices import Blend, Warp
from models.inpaint.paint import Painted
from models.parallel import parallel_map
from models.pixels import Image, Mask
from models.swap.reference import REFERENCE_PX, Reference
from models.swap.swap import swap_face
from serve_graph.batch import Batcher, CallContext
from serve_graph.inputs import check_picture, unpack_hole
from serve_graph.metrics import Recorder
from serve_graph.replica import Replica
from serve_graph.settings import Batching


@serve.deployment  # replicas: configs/*.yaml
class FaceSwapper(Replica):
    def __init__(self, warp: Warp, blend: Blend, threads: int) -> None:
        super().__init__(threads)
        self._warp, self._blend = warp, blend
        self._swap = Batcher(self._swap_all, "swap", Recorder())
        self._swap.batching = Batching(max_batch_size=threads)  # more would wait for a thread

    async def check_health(self) -> None:
        """Serve replaces the replica if this raises three times in a row."""
        self._swap.meter.in_progress.raise_if_hung()  # there is no net that could break

    async def swap(
        self, painted: Painted, hole: bytes, reference: Reference, context: CallContext
    ) -> Image:
        """The painted face with the reference's lower face in its hole.

        Args:
            painted: the face, uint8 (256, 256, 3) RGB, and its landmarks.
            hole: where to swap: 256 x 256 bits, packed by `models.pixels.pack_mask`.
            reference: uint8 (S, S, 3) RGB with S one of REFERENCE_PX, and its landmarks.
            context: of the call.

        Returns:
            uint8 (S, S, 3) RGB, as large as the reference's face.

        Raises:
            ValueError: one of them has another shape or type.
        """
        check_picture(painted.face)
        check_picture(reference.face, *REFERENCE_PX)
        return await self._swap((painted, unpack_hole(hole), reference), context)

    def _swap_all(self, items: list[tuple[Painted, Mask, Reference]]) -> list[Image]:
        return parallel_map(self._swap_one, *zip(*items, strict=True))

    def _swap_one(self, painted: Painted, hole: Mask, reference: Reference) -> Image:
        face, points = painted.face, painted.landmarks
        return swap_face(face, points, hole, reference, self._warp, self._blend)
