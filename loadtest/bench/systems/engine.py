"""What all peers and the limit do with a photo: our own pipeline, in the caller's process.

The only part of the load test, with the programs beside it, that imports `models`: each of them
is a process of its own.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import torch

from models.checkpoint import load_manifest, load_net
from models.clock import Clock
from models.crop.detect import Detector
from models.crop.net import DetectorConfig, FaceDetector
from models.inpaint.generator import Generator, GeneratorConfig
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.photo.decode import decode_photo
from models.photo.encode import answer_format, encode_photo
from models.pipeline import Options, unmask
from models.stages import LocalStages, Models, load_models

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"
QUALITY = 92  # as the service answers by default
PATH = "/v1/unmask"
STAGES = ("crop", "mask", "inpaint")  # those with nets
FACES_HEADER = "X-Faces"

Nets = Literal["optimised", "eager"]


@dataclass(frozen=True)
class Result:
    """An answer."""

    picture: bytes  # encoded as the photo was
    media_type: str
    faces: int  # that were unmasked
    stages_s: float  # spent in the stages with nets


class Engine:
    """One photo at a time, from encoded bytes to encoded bytes.

    Args:
        models: from `load`.
    """

    def __init__(self, models: Models) -> None:
        self._stages = LocalStages(models)
        self._runner = asyncio.Runner()

    def answer(self, photo: bytes) -> Result:
        """The photo with its faces unmasked; not for two threads at the same time."""
        return self._runner.run(self._answer(photo))

    async def _answer(self, data: bytes) -> Result:
        photo, clock = decode_photo(data), Clock()
        result = await unmask(photo, self._stages, Options(), clock)
        picture_format = answer_format(photo.format)
        picture = encode_photo(
            result.pixels,
            format=picture_format,
            quality=QUALITY,
            icc_profile=photo.icc_profile,
            face_changed=result.changed,
        )
        faces = sum(one.painted is not None for one in result.faces)
        stages_s = sum(clock.seconds.get(stage, 0.0) for stage in STAGES)
        return Result(picture, f"image/{picture_format}", faces, stages_s)


def load(nets: Nets, threads: int = 1) -> Models:
    """The nets, as the service runs them or as they come out of their files (fp32, eager).

    Args:
        nets: which of the two.
        threads: CPU threads of one call of a net.
    """
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return load_models(WEIGHTS) if nets == "optimised" else _load_eager()


def _load_eager() -> Models:
    manifest = load_manifest(WEIGHTS)
    return Models(
        Detector(load_net(manifest.path("crop"), FaceDetector, DetectorConfig), "cpu"),
        load_net(manifest.path("mask"), UNet, UNetConfig),
        load_net(manifest.path("landmarks"), LandmarkNet, LandmarkConfig),
        load_net(manifest.path("inpaint"), Generator, GeneratorConfig),
    )
