"""The stages of `models.pipeline`, run by the deployments (split) or by this replica (fused)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from models.choices import Blend, Warp
from models.crop.detect import Face
from models.inpaint.paint import Painted
from models.landmarks.guess import Wish
from models.mask.detect import MaskFinding
from models.pixels import Image, Landmarks, Mask, pack_mask, unpack_mask
from models.stages import LocalStages, Models
from models.swap.reference import Reference
from serve_graph.batch import CallContext, StageMeter
from serve_graph.health import ALL_HIDDEN, BLANK_FACE, BLANK_THUMB
from serve_graph.metrics import Recorder
from serve_graph.priority import run_niced
from serve_graph.problems import BusyError

P = ParamSpec("P")
T = TypeVar("T")

_STAGES = ("crop", "mask", "inpaint", "landmarks", "swap")


class RemoteStages:
    """Sends each step to its deployment; a step whose replica dies is retried once."""

    def __init__(
        self,
        cropper: DeploymentHandle[Any],
        mask_detector: DeploymentHandle[Any],
        inpainter: DeploymentHandle[Any],
        swapper: DeploymentHandle[Any],
    ) -> None:
        self._cropper, self._mask_detector = cropper, mask_detector
        self._inpainter, self._swapper = inpainter, swapper

    async def detect(self, thumb: Image) -> list[Face]:
        return list(await self._call(self._cropper.detect, thumb))

    async def find_mask(self, face: Image) -> MaskFinding:
        packed, probability = await self._call(self._mask_detector.detect, face)
        return MaskFinding(unpack_mask(packed, face.shape[:2]), probability)

    async def paint(self, face: Image, hole: Mask, wish: Wish) -> list[Painted]:
        return list(await self._call(self._inpainter.inpaint, face, pack_mask(hole), wish))

    async def landmarks(self, face: Image) -> Landmarks:
        points: Landmarks = await self._call(self._inpainter.find_landmarks, face)
        return points

    async def swap(self, painted: Painted, hole: Mask, reference: Reference) -> Image:
        swapped: Image = await self._call(self._swapper.swap, painted, pack_mask(hole), reference)
        return swapped

    async def _call(self, method: DeploymentHandle[Any], *payload: object) -> Any:
        try:
            return await self._ask(method, *payload)
        except RayActorError:
            # The replica died with our call. Calls are pure, so another replica may repeat it.
            try:
                return await self._ask(method, *payload)
            except RayActorError:
                raise BusyError from None

    async def _ask(self, method: DeploymentHandle[Any], *payload: object) -> Any:
        response = method.remote(*payload, CallContext())
        try:
            return await response
        except asyncio.CancelledError:
            response.cancel()  # type: ignore[no-untyped-call]
            raise
        except (BackPressureError, DeploymentUnavailableError):
            raise BusyError from None
        except RayTaskError as error:
            raise error.cause from None


class MeasuredStages(LocalStages):
    """All steps in this replica, each as a batch of one, measured like those of the deployments."""

    def __init__(
        self, models: Models, recorder: Recorder, workers: int, warp: Warp, blend: Blend
    ) -> None:
        super().__init__(models, workers, warp, blend)
        self._meters = {stage: StageMeter(stage, recorder, is_remote=False) for stage in _STAGES}

    async def self_test(self) -> None:
        """Runs each step that has a net and whose last calls all failed, with a blank picture.

        Raises:
            TimeoutError: a step hangs.
            Exception: what the step raised.
        """
        for meter in self._meters.values():
            meter.in_progress.raise_if_hung()
        trials: dict[str, Callable[[], Awaitable[object]]] = {
            "crop": partial(self.detect, BLANK_THUMB),
            "mask": partial(self.find_mask, BLANK_FACE),
            "inpaint": partial(self.paint, BLANK_FACE, ALL_HIDDEN, Wish()),
            "landmarks": partial(self.landmarks, BLANK_FACE),
        }
        for stage, trial in trials.items():
            if self._meters[stage].streak.needs_test:
                await trial()

    async def _run(self, stage: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        measured = partial(_measured, self._meters[stage], CallContext())
        return await super()._run(stage, run_niced, measured, partial(work, *args, **kwargs))


def _measured(meter: StageMeter, context: CallContext, work: Callable[[], T]) -> T:
    with meter.batch([context]) as failed:
        result = work()
        failed[0] = False
    return result
