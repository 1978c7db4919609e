"""What all peers and the limit do with a photo: our own pipeline, in the caller's process.

Only this module and the programs next to it import `models`: each of them is a process of its own.
"""

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import torch

from models.bench import load_plain
from models.checkpoint import load_manifest
from models.choices import QUALITY
from models.photo.decode import decode_photo
from models.photo.encode import answer_format, encode_photo
from models.pipeline import Options, unmask
from models.stages import LocalStages, Models, load_models

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"

Nets = Literal["optimised", "eager"]


@dataclass(frozen=True)
class Result:
    """An answer."""

    picture: bytes  # encoded as the photo was
    media_type: str
    faces: int  # that were unmasked


class Engine:
    """One photo at a time, from encoded bytes to encoded bytes.

    Args:
        models: from `load`.
    """

    def __init__(self, models: Models) -> None:
        self._stages = LocalStages(models)
        # A Runner sets a SIGINT handler for each call in the main thread; for that, Python 3.11
        # prints the call's arrays, which takes 7 ms per photo.
        self._loop = asyncio.new_event_loop()

    def answer(self, photo: bytes) -> Result:
        """Unmasks the photo's faces; not to be called by two threads at once."""
        return self._loop.run_until_complete(self._answer(photo))

    async def _answer(self, data: bytes) -> Result:
        photo = decode_photo(data)
        result = await unmask(photo, self._stages, Options())
        picture_format = answer_format(photo.format)
        picture = encode_photo(
            result.pixels,
            format=picture_format,
            quality=QUALITY,
            icc_profile=photo.icc_profile,
            face_changed=result.changed,
        )
        faces = sum(one.painted is not None for one in result.faces)
        return Result(picture, f"image/{picture_format}", faces)


class NetClock:
    """Counts the seconds that the nets compute from now on, over all calls and threads."""

    def __init__(self, models: Models) -> None:
        self.seconds = 0.0
        self._lock, self._call = threading.Lock(), threading.local()
        for net in models.nets.values():
            net.register_forward_pre_hook(self._begin)
            net.register_forward_hook(self._end)

    def _begin(self, *_: Any) -> None:
        self._call.start = time.perf_counter()

    def _end(self, *_: Any) -> None:
        spent = time.perf_counter() - self._call.start
        with self._lock:
            self.seconds += spent


def load(nets: Nets, threads: int = 1) -> Models:
    """The nets, as the service runs them or as first written (fp32, eager).

    Args:
        nets: which of the two.
        threads: CPU threads per call of a net.
    """
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return load_models(WEIGHTS) if nets == "optimised" else load_plain(load_manifest(WEIGHTS))
