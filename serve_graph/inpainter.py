"""Paints what a mask hides: the landmark net guesses the points, the generator paints along them.

It also finds the points of a reference face, with the same landmark net or with FAN.
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
from serve_graph.batch import Asked, Batcher, Job, check_picture, unpack_hole, use_threads
from serve_graph.health import ALL_HIDDEN, BLANK_FACE
from serve_graph.metrics import ServeRecorder
from serve_graph.replica import Replica
from serve_graph.settings import Batching
from serve_graph.tracing import start_tracing

FaceAndWish = tuple[Image, Mask, Wish]


@serve.deployment  # replicas, GPUs and batching: configs/*.yaml
class Inpainter(Replica):
    def __init__(self, weights: Path, device: str, threads: int, fan_weights: Path | None) -> None:
        use_threads(threads)
        start_tracing()
        manifest = load_manifest(weights)
        self._landmark_net = load_landmark_net(manifest, device)
        self._generator = load_generator(manifest, device)
        self._fan = load_fan(fan_weights, device) if fan_weights else None
        recorder = ServeRecorder()
        self._paint = Batcher(self._paint_all, "inpaint", recorder)
        self._find = Batcher(self._find_all, "landmarks", recorder)

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve passes the YAML's user_config, at start and on each change."""
        self._paint.batching = self._find.batching = Batching.model_validate(user_config)

    async def check_health(self) -> None:
        """Serve replaces the replica if this raises three times in a row."""
        await self._paint.try_out((BLANK_FACE, ALL_HIDDEN, Wish()))
        await self._find.try_out(BLANK_FACE)

    async def inpaint(self, face: Image, hole: bytes, wish: Wish, asked: Asked) -> list[Painted]:
        """A canonical face with its hole painted as wished; `hole` is packed."""
        check_picture(face)
        return await self._paint(Job((face, unpack_hole(hole), wish), asked))

    async def find_landmarks(self, face: Image, asked: Asked) -> Landmarks:
        """The 68 points of a bare canonical face."""
        check_picture(face)
        return await self._find(Job(face, asked))

    def _paint_all(self, items: list[FaceAndWish]) -> list[list[Painted]]:
        faces, holes, wishes = zip(*items, strict=True)
        return paint_candidates(self._generator, self._landmark_net, faces, holes, wishes)

    def _find_all(self, faces: list[Image]) -> list[Landmarks]:
        if self._fan is not None:
            return find_landmarks(self._fan, faces)
        bare = np.zeros(faces[0].shape[:2], np.bool_)
        return predict_landmarks(self._landmark_net, faces, [bare] * len(faces))
