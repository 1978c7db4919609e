"""Times each net and each stage on a GPU, at batches of 1 to 64.

    python -m models.bench_gpu PHOTO [--weights weights] [--batches 1 2 4 ...] [--threads 1 4]

Nets run in bfloat16, their kernels launched one by one or replayed as one CUDA graph. The table has
their share of the card's rate, as measured with a large matrix product, and the largest difference
between the two results. A stage is the function that a replica calls, from pictures in memory to
results in memory, including its work on the processor.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch

from models.bench import HOLE_COLUMNS, HOLE_ROWS
from models.checkpoint import load_manifest
from models.crop.detect import THUMB_PX, detect_faces, to_thumb
from models.crop.frame import FRAME_PX
from models.inpaint.paint import paint_faces
from models.mask.detect import detect_masks
from models.nets.budgets import NETS, cost_of
from models.nets.cuda_graphs import SIZES, Graphs
from models.photo.decode import decode_photo
from models.pixels import Image
from models.stages import Models, load_models

PRODUCT = 8192  # rows and columns of the matrices that measure the card's rate

Call = Callable[[], object]


def median_s(call: Call, repeats: int) -> float:
    """Median time of one call, s, until the GPU is done with it."""
    seconds = []
    for turn in range(repeats + 3):
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        if turn >= 3:  # the first ones warm up
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def peak_flops() -> float:
    """Floating-point operations per second of a large product in bfloat16."""
    one, other = (torch.randn(PRODUCT, PRODUCT, device="cuda").bfloat16() for _ in range(2))
    return 2 * PRODUCT**3 / median_s(lambda: one @ other, 20)


def inputs_of(name: str, batch: int) -> list[torch.Tensor]:
    """Noise in the net's input shapes, on the GPU."""
    shapes = [(batch, *shape[1:]) for shape in NETS[name].input_shapes]
    tensors = [torch.rand(shape, device="cuda") * 2 - 1 for shape in shapes]
    return [t.contiguous(memory_format=torch.channels_last) for t in tensors]


@torch.inference_mode()
def print_nets(models: Models, batches: Sequence[int], weights: Path, peak: float) -> None:
    """The table of the nets alone."""
    manifest = load_manifest(weights)
    print("| net | batch | launched, ms | graph, ms | faces/s | of the card's rate | farthest |")
    print("|---|---|---|---|---|---|---|")
    for name, net in models.nets.items():
        gmac = cost_of(manifest, name).gmac
        graphs = cast(Graphs, net.forward)
        for batch in batches:
            inputs = inputs_of(name, batch)
            off = _farthest(graphs.launch(*inputs), graphs(*inputs))
            launched_s, graph_s = (
                median_s(partial(call, *inputs), 20) for call in (graphs.launch, graphs)
            )
            rate = batch / graph_s
            share = 2e9 * gmac * rate / peak
            print(
                f"| {name} | {batch} | {1e3 * launched_s:.2f} | {1e3 * graph_s:.2f} | {rate:,.0f} "
                f"| {share:.1%} | {off:.1g} |",
                flush=True,
            )


def _farthest(one: object, other: object) -> float:
    pair = [[x] if isinstance(x, torch.Tensor) else list(x) for x in (one, other)]  # type: ignore[call-overload]
    return max(float((a - b).abs().max()) for a, b in zip(*pair, strict=True))


def stages_of(models: Models, photo: Image) -> Mapping[str, Callable[[int], object]]:
    """What a replica of each stage calls for a batch."""
    thumb = to_thumb(photo, THUMB_PX).image
    face = np.asarray(cv2.resize(photo, (FRAME_PX, FRAME_PX)), np.uint8)
    hole = np.zeros((FRAME_PX, FRAME_PX), np.bool_)
    hole[HOLE_ROWS, HOLE_COLUMNS] = True
    return {
        "FaceCropper": lambda n: detect_faces(models.detector, [thumb] * n),
        "MaskDetector": lambda n: detect_masks(models.mask, [face] * n),
        "Inpainter": lambda n: paint_faces(
            models.generator, models.landmarks, [face] * n, [hole] * n
        ),
    }


def print_stages(models: Models, photo: Image, batches: Sequence[int]) -> None:
    """The table of the stage functions."""
    print("| stage | batch | ms | faces/s |")
    print("|---|---|---|---|")
    for name, call in stages_of(models, photo).items():
        for batch in batches:
            seconds = median_s(partial(call, batch), 5)
            print(
                f"| {name} | {batch} | {1e3 * seconds:.1f} | {batch / seconds:,.0f} |", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="a picture of a masked face")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--batches", type=int, nargs="+", default=SIZES)
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 4))
    given = parser.parse_args()
    peak = peak_flops()
    print(f"{torch.cuda.get_device_name()}: {peak / 1e12:.0f} TFLOP/s in bfloat16\n")
    models = load_models(given.weights, "cuda")
    print_nets(models, given.batches, given.weights, peak)
    photo = decode_photo(given.photo.read_bytes()).pixels
    for threads in given.threads:
        torch.set_num_threads(threads)
        print(f"\nThreads of a stage: {threads}\n")
        print_stages(models, photo, given.batches)


if __name__ == "__main__":
    main()
