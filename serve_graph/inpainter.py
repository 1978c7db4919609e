"""Paints what a mask hides: the landmark net guesses the points, the generator paints along them.

It has the landmark net, so it also answers for the points of a reference face; or FAN does.
"""

from pathlib import Path
from typing import Any

import numpy as np
from ray import serve

from models.checkpoint import load_manifest
from models.inpaint.paint import Painted, load_generator, paint_candidates
from models.landmarks.fan import find_landmarks, load_fan
from models.landmarks.guess import Wish
from models.landmarks.predict import load_landmark_net, predict_landmarks
from models.pixels import Image, Landmarks, Mask
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
from serve_graph.settings import Batching
from serve_graph.tracing import start_tracing

FaceAndWish = tuple[Image, Mask, Wish]


@serve.deployment  # replicas, GPUs and batching: configs/*.yaml
class Inpainter:
    def __init__(self, weights: Path, device: str, threads: int, fan_weights: Path | None) -> None:
        use_threads(threads)
        start_tracing()
        manifest = load_manifest(weights)
        self._landmark_net = load_landmark_net(manifest, device)
        self._generator = load_generator(manifest, device)
        self._fan = load_fan(fan_weights, device) if fan_weights else None
        self._recorder = ServeRecorder()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve passes the YAML's user_config: at start and on each change."""
        Batching.model_validate(user_config).apply_to(self._paint, self._find)

    async def inpaint(self, face: Image, hole: bytes, wish: Wish, asked: Asked) -> list[Painted]:
        """A canonical face with its hole painted as wished; `hole` is packed."""
        check_picture(face)
        return result_of(await self._paint(Job((face, unpack_hole(hole), wish), asked)))

    async def find_landmarks(self, face: Image, asked: Asked) -> Landmarks:
        """The 68 points of a bare canonical face."""
        check_picture(face)
        return result_of(await self._find(Job(face, asked)))

    @serve.batch
    async def _paint(self, jobs: list[Job[FaceAndWish]]) -> list[list[Painted] | Exception]:
        return await run_batch(jobs, self._paint_all, "inpaint", self._recorder)

    @serve.batch
    async def _find(self, jobs: list[Job[Image]]) -> list[Landmarks | Exception]:
        return await run_batch(jobs, self._find_all, "landmarks", self._recorder)

    def _paint_all(self, items: list[FaceAndWish]) -> list[list[Painted]]:
        faces, holes, wishes = zip(*items, strict=True)
        return paint_candidates(self._generator, self._landmark_net, faces, holes, wishes)

    def _find_all(self, faces: list[Image]) -> list[Landmarks]:
        if self._fan is not None:
            return find_landmarks(self._fan, faces)
        bare = np.zeros(faces[0].shape[:2], np.bool_)
        return predict_landmarks(self._landmark_net, faces, [bare] * len(faces))
