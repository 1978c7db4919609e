"""Paints what a mask hides: the landmark net guesses the points, the generator paints along them.

It has the landmark net, so it also answers for the points of a reference face.
"""

from pathlib import Path
from typing import Any

from ray import serve

from models.checkpoint import load_manifest
from models.inpaint.paint import Painted, load_generator, paint_faces
from models.landmarks.predict import load_landmark_net, predict_landmarks
from models.pixels import Image, Landmarks, Mask
from serve_graph.batch import (
    Job,
    check_picture,
    result_of,
    run_batch,
    unpack_hole,
    use_threads,
)
from serve_graph.metrics import ServeRecorder
from serve_graph.settings import Batching

FaceAndHole = tuple[Image, Mask]


@serve.deployment  # replicas, GPUs and batching: configs/*.yaml
class Inpainter:
    def __init__(self, weights: Path, device: str, threads: int) -> None:
        use_threads(threads)
        manifest = load_manifest(weights)
        self._landmark_net = load_landmark_net(manifest, device)
        self._generator = load_generator(manifest, device)
        self._recorder = ServeRecorder()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve passes the YAML's user_config: at start and on each change."""
        Batching.model_validate(user_config).apply_to(self._paint, self._guess)

    async def inpaint(self, face: Image, hole: bytes, asked_at: float) -> Painted:
        """A canonical face with its hole painted; `hole` is packed."""
        check_picture(face)
        return result_of(await self._paint(Job((face, unpack_hole(hole)), asked_at)))

    async def find_landmarks(self, face: Image, hole: bytes, asked_at: float) -> Landmarks:
        """The 68 points of a canonical face; `hole` is packed."""
        check_picture(face)
        return result_of(await self._guess(Job((face, unpack_hole(hole)), asked_at)))

    @serve.batch
    async def _paint(self, jobs: list[Job[FaceAndHole]]) -> list[Painted | Exception]:
        return await run_batch(jobs, self._paint_all, "inpaint", self._recorder)

    @serve.batch
    async def _guess(self, jobs: list[Job[FaceAndHole]]) -> list[Landmarks | Exception]:
        return await run_batch(jobs, self._guess_all, "landmarks", self._recorder)

    def _paint_all(self, items: list[FaceAndHole]) -> list[Painted]:
        faces, holes = zip(*items, strict=True)
        return paint_faces(self._generator, self._landmark_net, faces, holes)

    def _guess_all(self, items: list[FaceAndHole]) -> list[Landmarks]:
        faces, holes = zip(*items, strict=True)
        return predict_landmarks(self._landmark_net, faces, holes)
