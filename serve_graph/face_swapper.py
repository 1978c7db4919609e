"""Puts the lower face of a reference into a painted face: no net, so no batches."""

from ray import serve

from models.inpaint.paint import Painted
from models.pixels import Image, Mask
from models.stages import REFERENCE_PX, Reference
from models.swap.swap import Blend, Warp, swap_face
from serve_graph.batch import (
    Asked,
    Job,
    check_picture,
    result_of,
    run_batch,
    unpack_hole,
    use_threads,
)
from serve_graph.metrics import ServeRecorder
from serve_graph.replica import Replica
from serve_graph.tracing import start_tracing


@serve.deployment  # replicas: configs/*.yaml
class FaceSwapper(Replica):
    def __init__(self, warp: Warp, blend: Blend, threads: int) -> None:
        use_threads(threads)
        start_tracing()
        self._warp, self._blend = warp, blend
        self._recorder = ServeRecorder()

    async def swap(
        self, painted: Painted, hole: bytes, reference: Reference, asked: Asked
    ) -> Image:
        """The painted face with the reference's lower face in its hole; `hole` is packed."""
        check_picture(painted.face)
        check_picture(reference.face, *REFERENCE_PX)
        job = Job((painted, unpack_hole(hole), reference), asked)
        return result_of((await run_batch([job], self._swap_all, "swap", self._recorder))[0])

    def _swap_all(self, items: list[tuple[Painted, Mask, Reference]]) -> list[Image]:
        return [
            swap_face(
                painted.face,
                painted.landmarks,
                hole,
                reference.face,
                reference.landmarks,
                corners=reference.corners,
                warp=self._warp,
                blend=self._blend,
            )
            for painted, hole, reference in items
        ]
