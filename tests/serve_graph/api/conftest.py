"""The API over stages that need no nets: a dark face wears a mask, a light one is bare."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image as PilImage
from ray.serve._private.http_util import RequestIdMiddleware

from models.crop.detect import Face
from models.inpaint.paint import Painted
from models.mask.detect import MaskFinding
from serve_graph.api import create_api
from serve_graph.draining import Draining
from serve_graph.logs import log
from serve_graph.service import Service
from serve_graph.settings import ApiSettings
from tests.recorder import MemoryRecorder

WIDTH, HEIGHT = 160, 120
PAINTED, SWAPPED = 40, 90  # the grey with which each stage fills the hole


def face_at(x: float, y: float, scale: float = 0.25) -> Face:
    """A face centred at (x, y) px, `scale` times as large as the canonical frame."""
    canonical = np.array([(-40, -42), (40, -42), (0, 2), (-33, 40), (33, 40)], np.float32)
    box = np.array([x - 64 * scale, y - 80 * scale, x + 64 * scale, y + 80 * scale], np.float32)
    return Face(box, 0.9, canonical * scale + np.array([x, y], np.float32))


class FakeStages:
    def __init__(self):
        self.faces = [face_at(60, 60)]
        self.calls = Counter()
        self.inside, self.most_at_once = 0, 0
        self.delay_s = 0.0
        self.error = None

    async def _enter(self, stage):
        self.calls[stage] += 1
        if self.error is not None:
            raise self.error
        self.inside += 1
        self.most_at_once = max(self.most_at_once, self.inside)
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.inside -= 1

    async def detect(self, _thumb):
        await self._enter("detect")
        return self.faces

    async def find_mask(self, face):
        await self._enter("find_mask")
        mask = np.zeros(face.shape[:2], bool)
        mask[130:220, 70:186] = True
        return MaskFinding(mask, 0.95 if face.mean() < 128 else 0.02)

    async def paint(self, face, hole, wish):
        await self._enter("paint")
        self.wish = wish
        faces = [face.copy() for _ in range(wish.candidates)]
        for rank, painted in enumerate(faces):
            painted[hole] = PAINTED + 50 * rank
        return [Painted(painted, np.zeros((68, 2), np.float32)) for painted in faces]

    async def landmarks(self, _face):
        await self._enter("landmarks")
        return np.zeros((68, 2), np.float32)

    async def swap(self, painted, hole, _reference):
        await self._enter("swap")
        swapped = painted.face.copy()
        swapped[hole] = SWAPPED
        return swapped


@pytest.fixture
def caplog(caplog):
    """pytest's fixture, plus the service's log: Serve's logger doesn't propagate to the root."""
    log.addHandler(caplog.handler)
    yield caplog
    log.removeHandler(caplog.handler)


@pytest.fixture
def stages():
    return FakeStages()


@pytest.fixture
def recorder():
    return MemoryRecorder()


@pytest.fixture
def make_api(stages, recorder) -> Callable[..., FastAPI]:
    """Builds the application; keywords are its settings."""

    def make(ready=None, draining=None, **settings) -> FastAPI:
        async def all_ready():
            return ready or {"crop": True, "mask": True}

        async def metrics():
            return b"mask2face_requests_total 1\n"

        return create_api(
            Service(
                stages=stages,
                model_version="test-7",
                settings=ApiSettings(**settings),
                ready=all_ready,
                metrics=metrics,
                recorder=recorder,
                draining=draining or Draining(),
            )
        )

    return make


@pytest.fixture
def make_client(make_api) -> Callable[..., httpx.AsyncClient]:
    """Calls the application as Serve does, which gives each request and its answer an id."""

    def make(**settings) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(RequestIdMiddleware(make_api(**settings)))
        return httpx.AsyncClient(transport=transport, base_url="http://mask2face")

    return make


@pytest.fixture
def client(make_client) -> httpx.AsyncClient:
    return make_client()


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """A flat grey picture as bytes; keywords go to Pillow."""

    def to_bytes(grey=20, file_format="JPEG", size=(WIDTH, HEIGHT), **options) -> bytes:
        out = io.BytesIO()
        PilImage.new("RGB", size, (grey, grey, grey)).save(out, file_format, **options)
        return out.getvalue()

    return to_bytes


@pytest.fixture
def photo(encode) -> bytes:
    """A masked face."""
    return encode(20, quality=95)


@pytest.fixture
def reference(encode) -> bytes:
    """A bare face."""
    return encode(220)


@pytest.fixture
def decode() -> Callable[[bytes], PilImage.Image]:
    return lambda data: PilImage.open(io.BytesIO(data))
