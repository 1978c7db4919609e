"""The number of users at each moment of a load test."""

import math
from collections.abc import Callable

Shape = Callable[[float], float]  # elapsed share of the run, 0..1 -> share of the users

DEFAULT_SECONDS = 300.0  # length of a run if none is given
_CALM, _SPIKE = 0.2, (0.4, 0.6)  # share of the users outside the spike; its start and end
_SOAK = 0.7  # well under capacity, for a long time
_NIGHT, _DAYS = 0.1, 2


def steady(_time: float) -> float:
    """All users, all the time."""
    return 1.0


def ramp(time: float) -> float:
    """A linear rise from none to all: where does the service break?"""
    return time


def spike(time: float) -> float:
    """Calm, suddenly all, calm again: does the service recover?"""
    return 1.0 if _SPIKE[0] <= time < _SPIKE[1] else _CALM


def soak(_time: float) -> float:
    """Most users for long (set a run time of 20 minutes or more): does anything grow?"""
    return _SOAK


def diurnal(time: float) -> float:
    """Two days and nights."""
    daylight = (1 - math.cos(2 * math.pi * _DAYS * time)) / 2
    return _NIGHT + (1 - _NIGHT) * daylight


SHAPES: dict[str, Shape] = {one.__name__: one for one in (steady, ramp, spike, soak, diurnal)}


def users_at(shape: str, elapsed_s: float, users: int, seconds: float) -> int | None:
    """The number of users at a moment of a run, at least one; None once the run is over.

    Args:
        shape: a name in SHAPES.
        elapsed_s: since the start.
        users: the most at any moment.
        seconds: length of the run.
    """
    if elapsed_s >= seconds:
        return None
    return max(1, round(users * SHAPES[shape](elapsed_s / seconds)))
