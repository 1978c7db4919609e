"""Marks the mask on faces: one U-Net, batched."""

from pathlib import Path
from typing import Any

from ray import serve

from models.checkpoint import load_manifest
from models.mask.detect import MaskFinding, detect_masks, load_mask_net
from models.pixels import Image, pack_mask
from serve_graph.batch import Asked, Job, check_picture, result_of, run_batch, use_threads
from serve_graph.metrics import ServeRecorder
from serve_graph.settings import Batching
from serve_graph.tracing import start_tracing


@serve.deployment  # replicas, GPUs and batching: configs/*.yaml
class MaskDetector:
    def __init__(self, weights: Path, device: str, threads: int) -> None:
        use_threads(threads)
        start_tracing()
        self._net = load_mask_net(load_manifest(weights), device)
        self._recorder = ServeRecorder()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Serve passes the YAML's user_config: at start and on each change."""
        Batching.model_validate(user_config).apply_to(self._find)

    async def detect(self, face: Image, asked: Asked) -> tuple[bytes, float]:
        """The mask of a canonical face, packed, and the probability that one is worn."""
        check_picture(face)
        finding = result_of(await self._find(Job(face, asked)))
        return pack_mask(finding.mask), finding.probability

    @serve.batch
    async def _find(self, jobs: list[Job[Image]]) -> list[MaskFinding | Exception]:
        return await run_batch(jobs, self._work, "mask", self._recorder)

    def _work(self, faces: list[Image]) -> list[MaskFinding]:
        return detect_masks(self._net, faces)
