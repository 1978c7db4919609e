"""Times the nets as the service runs them against plain ones, and compares their pictures.

    python -m models.bench loadtest/people/*.webp [--weights weights] [--rounds 15]

Plain is what one would write first: eager, float32, PyTorch's own memory format, the whole face
painted. The two take turns.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.checkpoint import Manifest, load_manifest, load_net
from models.inpaint.generator import Generator, Window, window_of
from models.nets.budgets import NETS
from models.photo.decode import Photo, decode_photo
from models.pipeline import Options, unmask
from models.pixels import Image
from models.stages import LocalStages, Models, load_models

HOLE_ROWS, HOLE_COLUMNS = slice(112, 224), slice(48, 208)  # where a mask sits in the frame
NEAR = 4  # levels of 255: a difference that nobody sees

Call = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Medians of one call, ms: wall-clock time, and CPU time of all cores together."""

    wall_ms: float
    cpu_ms: float


class PaintsAll(Generator):
    """The generator without the window: its layers see the whole face, and the window is cut out of
    the result."""

    def forward(
        self,
        face: torch.Tensor,
        hole: torch.Tensor,
        lines: torch.Tensor,
        window: Window | None = None,
    ) -> torch.Tensor:
        """As `Generator.forward`."""
        painted = super().forward(face, hole, lines)
        return painted if window is None else painted[..., *window]


def load_plain(manifest: Manifest) -> Models:
    """The same nets without `models.nets.inference`, and the generator without its window."""

    def load(name: str) -> nn.Module:
        spec = NETS[name]
        kind = PaintsAll if name == "inpaint" else spec.net_class
        net = load_net(manifest.path(name), kind, spec.config_class)
        net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return net

    crop, mask, landmarks, generator = (load(n) for n in ("crop", "mask", "landmarks", "inpaint"))
    return Models(crop, mask, landmarks, generator)  # type: ignore[arg-type]


def calls_of(models: Models) -> Mapping[str, Call]:
    """One call of each net at service size, batch 1, on noise."""
    generator = torch.Generator().manual_seed(0)
    shapes = {name: spec.input_shapes for name, spec in NETS.items()}
    noise = {n: [torch.rand(s, generator=generator) * 2 - 1 for s in shapes[n]] for n in shapes}
    hole = torch.zeros(1, 1, *shapes["mask"][0][2:])
    hole[..., HOLE_ROWS, HOLE_COLUMNS] = 1
    face, lines = noise["mask"][0], (noise["inpaint"][2] > 0.9).float()
    window = window_of(hole[:, 0] > 0)
    inputs: Mapping[str, Sequence[object]] = {
        "crop": noise["crop"],
        "mask": [face],
        "landmarks": [face, hole],
        "inpaint": [face, hole, lines, window],
    }
    return {name: partial(net, *inputs[name]) for name, net in models.nets.items()}


@torch.inference_mode()
def take_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, Times]:
    """Times the calls in turns, again and again, so that all see the same machine."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            if turn >= 2:  # the first two warm up
                seconds[name].append(spent)
    medians = {name: 1e3 * np.median(spent, axis=0) for name, spent in seconds.items()}
    return {name: Times(float(both[0]), float(both[1])) for name, both in medians.items()}


def time_nets(plain: Models, fast: Models, rounds: int) -> None:
    """Prints the table for one thread count."""
    pairs = calls_of(plain), calls_of(fast)
    calls = {
        f"{kind} {n}": c
        for kind, p in zip(("plain", "fast"), pairs, strict=True)
        for n, c in p.items()
    }
    times = take_turns(calls, rounds)
    for kind in ("plain", "fast"):
        parts = [times[f"{kind} {name}"] for name in NETS]
        times[f"{kind} sum"] = Times(sum(t.wall_ms for t in parts), sum(t.cpu_ms for t in parts))
    print("| net | plain, ms | optimised, ms | faster | plain, CPU ms | optimised, CPU ms | less |")
    print("|---|---|---|---|---|---|---|")
    for name in (*NETS, "sum"):
        a, b = times[f"plain {name}"], times[f"fast {name}"]
        wall = f"{a.wall_ms:.1f} | {b.wall_ms:.1f} | {a.wall_ms / b.wall_ms:.2f}x"
        print(f"| {name} | {wall} | {a.cpu_ms:.1f} | {b.cpu_ms:.1f} | {a.cpu_ms / b.cpu_ms:.2f}x |")


def difference(one: Image, other: Image) -> tuple[float, float]:
    """Mean absolute difference in levels of 255, and the share of pixels within `NEAR` levels."""
    levels = np.abs(one.astype(np.int16) - other)
    return float(levels.mean()), float((levels.max(axis=2) <= NEAR).mean())


def compare_pictures(plain: Models, fast: Models, photos: list[Path]) -> None:
    """Prints how much the answers differ: whole photos through all stages."""
    print("| photo | mean difference, of 255 | pixels within 4 |")
    print("|---|---|---|")
    found = []
    for path in photos:
        photo = decode_photo(path.read_bytes())
        mean, near = difference(_answer(plain, photo), _answer(fast, photo))
        print(f"| {path.name} | {mean:.4f} | {near:.3%} |")
        found.append((mean, near, photo.pixels.size))
    means, nears, sizes = zip(*found, strict=True)
    mean, near = np.average(means, weights=sizes), np.average(nears, weights=sizes)
    print(f"| the pixels of all | {mean:.4f} | {near:.3%} |")


def _answer(models: Models, photo: Photo) -> Image:
    return asyncio.run(unmask(photo, LocalStages(models), Options())).pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="*", type=Path, help="pictures of masked faces to compare")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    plain, fast = load_plain(load_manifest(given.weights)), load_models(given.weights)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"\nBatch 1, {threads} thread(s), median of {given.rounds} turns:\n")
        time_nets(plain, fast, given.rounds)
    if given.photos:
        print()
        compare_pictures(plain, fast, given.photos)


if __name__ == "__main__":
    main()
