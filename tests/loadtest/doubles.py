"""A workload and answers for the tests of the load test."""

from io import BytesIO

import numpy as np
from PIL import Image

from loadtest.meter import Trial, judge_trial
from loadtest.open_loop import Outcome, Plan, Summary, summary
from loadtest.photos import Photo, Scene
from loadtest.workloads import Workload

SIDE_PX = 64


def picture(brighter: int = 0, seed: int = 0) -> bytes:
    """A lossless picture of noise."""
    noise = np.random.default_rng(seed).integers(50, 200, (SIDE_PX, SIDE_PX, 3))
    out = BytesIO()
    Image.fromarray((noise + brighter).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def workload(faces: int = 1) -> Workload:
    """A workload of one photo."""
    scene = Scene(SIDE_PX * SIDE_PX / 1e6, faces)
    photo = Photo(picture(), SIDE_PX, SIDE_PX, scene)
    return Workload("W1", (photo,))


def answer_with(faces: int, body: bytes, seconds: float = 0.0) -> bytes:
    """An answer as a peer sends it."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX-Faces-Changed: {faces}\r\n"
    head += f"Server-Timing: crop;dur={1000 * seconds}, total;dur=9.0\r\n\r\n"
    return head.encode() + body


class OneByOne:
    """Stands for the `Meter` of a server that answers one request at a time: costs no time.

    Args:
        most: answers/s.
    """

    def __init__(self, most: float) -> None:
        self.most = most

    async def unloaded(self, _seconds: float) -> Summary:
        return summary([Outcome(index, 0, 0, 1 / self.most, 200) for index in range(10)])

    async def capacity(self, _seconds: float, _unloaded: Summary) -> float:
        return self.most

    async def trial(self, plan: Plan, p50_ms: float) -> Trial:
        outcomes, free_s = [], 0.0
        for index, due_s in enumerate(plan.arrivals_s):
            free_s = max(due_s, free_s) + 1 / self.most
            outcomes.append(Outcome(index, due_s, due_s, free_s, 200))
        return judge_trial(plan, outcomes, p50_ms)
