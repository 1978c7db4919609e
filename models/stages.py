"""The interface of the stages, and an implementation that runs them all in this process.

`models.pipeline` calls `Stages` for each step. `LocalStages` runs the steps in this process (the
CLI, the fused replica and the benchmark's limit); `serve_graph.stages` sends them to deployments.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from torch import nn

from models.checkpoint import load_manifest
from models.choices import Blend, Warp
from models.crop.detect import Face, detect_faces, load_detector
from models.crop.net import FaceDetector
from models.inpaint.generator import Generator
from models.inpaint.paint import Painted, load_generator, paint_candidates
from models.landmarks.fan import Fan, load_fan
from models.landmarks.guess import Wish
from models.landmarks.net import LandmarkNet
from models.landmarks.predict import find_bare_landmarks, load_landmark_net
from models.mask.detect import MaskFinding, detect_masks, load_mask_net
from models.mask.unet import UNet
from models.pixels import Image, Landmarks, Mask
from models.swap.reference import Reference
from models.swap.swap import swap_face

P = ParamSpec("P")
T = TypeVar("T")


class Stages(Protocol):
    """What the stages do.

    Faces are canonical crops, uint8 (256, 256, 3) RGB; holes are bool (256, 256), True = painted.
    A stage may raise errors of its own, such as that it's busy: they reach the pipeline's caller.
    """

    async def detect(self, thumb: Image) -> list[Face]:
        """Faces of a thumb, uint8 (H, W, 3) from `to_thumb`, in its px, best first; may be none."""

    async def find_mask(self, face: Image) -> MaskFinding:
        """The pixels that a mask covers, bool (256, 256), and how probably it is one, 0..1."""

    async def paint(self, face: Image, hole: Mask, wish: Wish) -> list[Painted]:
        """The face with its hole painted: `wish.candidates` of them, most likely first."""

    async def landmarks(self, face: Image) -> Landmarks:
        """The points of a bare face, float32 (68, 2), (x, y) px of the crop, iBUG order."""

    async def swap(self, painted: Painted, hole: Mask, reference: Reference) -> Image:
        """The painted face with the reference's lower face in the hole.

        Returns:
            uint8 (S, S, 3) RGB, as large as the reference's face.
        """


@dataclass(frozen=True)
class Models:
    """The nets of all stages."""

    detector: FaceDetector
    mask: UNet
    landmarks: LandmarkNet
    generator: Generator
    fan: Fan | None = None  # finds the points of bare faces instead of `landmarks`

    @property
    def nets(self) -> dict[str, nn.Module]:
        """All but FAN, by their names in the manifest."""
        return {
            "crop": self.detector,
            "mask": self.mask,
            "landmarks": self.landmarks,
            "inpaint": self.generator,
        }


def load_models(weights: Path, device: str = "cpu", fan_weights: Path | None = None) -> Models:
    """Loads the nets that `weights/manifest.json` pins.

    Args:
        weights: folder with the manifest.
        device: where the nets run.
        fan_weights: folder with FAN's file, see `load_fan`; None: FAN isn't used.

    Raises:
        WeightsError: a file is missing, was changed, or belongs to another net.
        MissingPackageError: `fan_weights` is given, but face-alignment isn't installed.
    """
    manifest = load_manifest(weights)
    return Models(
        load_detector(manifest, device),
        load_mask_net(manifest, device),
        load_landmark_net(manifest, device),
        load_generator(manifest, device),
        load_fan(fan_weights, device) if fan_weights else None,
    )


class LocalStages:
    """Runs all steps in this process, in its own thread pool."""

    def __init__(
        self, models: Models, threads: int = 1, warp: Warp = "mesh", blend: Blend = "feather"
    ) -> None:
        self._models, self._warp, self._blend = models, warp, blend
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="stages")

    async def detect(self, thumb: Image) -> list[Face]:
        return (await self._run("crop", detect_faces, self._models.detector, [thumb]))[0]

    async def find_mask(self, face: Image) -> MaskFinding:
        return (await self._run("mask", detect_masks, self._models.mask, [face]))[0]

    async def paint(self, face: Image, hole: Mask, wish: Wish) -> list[Painted]:
        painter = self._models.generator, self._models.landmarks
        run = self._run("inpaint", paint_candidates, *painter, [face], [hole], [wish])
        return (await run)[0]

    async def landmarks(self, face: Image) -> Landmarks:
        nets = self._models.landmarks, self._models.fan
        return (await self._run("landmarks", find_bare_landmarks, *nets, [face]))[0]

    async def swap(self, painted: Painted, hole: Mask, reference: Reference) -> Image:
        face, points, ways = painted.face, painted.landmarks, (self._warp, self._blend)
        return await self._run("swap", swap_face, face, points, hole, reference, *ways)

    async def _run(
        self,
        stage: str,  # noqa: ARG002 (for subclasses that measure)
        work: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
