"""What is killed, in a graph of how many replicas, and what must then hold."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.chaos.damage import ENOUGH, Damage
from loadtest.chaos.service import APP, config_with
from serve_graph.flags import uses_haproxy

BACK_S, ONLY_BACK_S, DOOR_S = 15.0, 30.0, 5.0
UPDATED_S = 60.0  # six replicas start on two busy cores
# Requests that an ingress replica admits at the same time.
PLACES: int = config_with(None, port=0)["applications"][0]["args"]["api"]["max_requests"]
# Requests sent at once just before the incident, so that they are inside: they all fit into one
# ingress replica and are answered within p99's bound.
KILL_BURST, END_BURST = 6, 8
_SPARE = 1.3  # Poisson arrivals come in varying numbers


@dataclass(frozen=True)
class Must:
    """A demand."""

    text: str
    is_met: Callable[[Damage], bool]
    aim_back_s: float | None = None  # a p99 that isn't back by then is marked; not a must


HELD_ANSWERED = Must(
    "0 lost, no 503 to those in flight",
    lambda damage: not damage.lost and not damage.refused_in_flight,
)
UNDISTURBED = Must(
    "0 lost, p99 within its bound",
    lambda damage: not damage.lost and damage.recovered_s == 0,
)
BACK = Must(
    f"0 lost, no 503, p99 back in < {BACK_S:g} s",
    lambda damage: not damage.lost and not damage.refused and damage.recovered_s < BACK_S,
)
ONLY_BACK = Must(
    f"0 lost beside 503s, p99 back in < {ONLY_BACK_S:g} s",
    lambda damage: not damage.lost and damage.recovered_s < ONLY_BACK_S,
)
UPDATED = Must(
    f"0 lost, none refused after {UPDATED_S:g} s",
    lambda damage: not damage.lost and damage.failing_until_s <= UPDATED_S,
)
HELD_ONLY = Must(
    f"only those in flight lost, at most {PLACES}",
    lambda damage: damage.lost <= PLACES and damage.lost_until_s <= 0 and not damage.lost_before,
    aim_back_s=BACK_S,
)
DOOR_BACK = Must(
    f"new ones answered within {DOOR_S:g} s",
    lambda damage: damage.failing_until_s <= DOOR_S and not damage.lost_before,
)


def load_after_s(back_s: float, rate_per_s: float) -> float:
    """How long the load must continue to show that p99 is back within `back_s`."""
    return back_s + _SPARE * ENOUGH / rate_per_s


@dataclass(frozen=True)
class Case:
    """One kill -9."""

    key: str  # for the command line
    name: str  # for the table
    title: str  # of the process to be killed, as `ps` shows it
    replicas: int  # of each deployment
    must: Must
    back_s: float = BACK_S  # when p99 must be back
    only_references: bool = False  # the process only works on photos that come with a reference

    @property
    def processes(self) -> int:
        """How many processes have this title before and after."""
        return self.replicas if self.is_replica else 1

    @property
    def is_replica(self) -> bool:
        """The process computes answers."""
        return "Replica" in self.title


def _replica(deployment: str) -> str:
    return f"ray::ServeReplica:{APP}:{deployment}"


_DOOR = "haproxy" if uses_haproxy(os.environ) else "ray::ProxyActor"
CASES = (
    Case("crop", "1 of 2 FaceCroppers", _replica("FaceCropper"), 2, BACK),
    Case("mask", "1 of 2 MaskDetectors", _replica("MaskDetector"), 2, BACK),
    Case("inpaint", "1 of 2 Inpainters", _replica("Inpainter"), 2, BACK),
    Case("swap", "1 of 2 FaceSwappers", _replica("FaceSwapper"), 2, BACK, only_references=True),
    Case("ingress", "1 of 2 ingress replicas", _replica("Ingress"), 2, HELD_ONLY),
    Case("lone", "the only ingress replica", _replica("Ingress"), 1, HELD_ONLY, ONLY_BACK_S),
    Case("controller", "Serve controller", "ray::ServeController", 2, BACK),
    Case("door", "front door", _DOOR, 2, DOOR_BACK),
    Case("only", "the only Inpainter", _replica("Inpainter"), 1, ONLY_BACK, ONLY_BACK_S),
)
# Cases without a kill -9: nothing at all, the service's end, and a deploy.
CONTROL, DRAIN, UPDATE = "control", "drain", "update"
KEYS = (CONTROL, *(one.key for one in CASES), DRAIN, UPDATE)
