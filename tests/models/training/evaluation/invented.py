"""Evaluations with invented scores: as if the service had run on pictures, swaps and scenes."""

from dataclasses import astuple

import numpy as np

from models.training.crop.score import Operation, SceneScore
from models.training.evaluation.bare import BareScore
from models.training.evaluation.evaluate import Evaluation
from models.training.evaluation.large import LIFTED, SERVED, LargeScore
from models.training.evaluation.marks import PictureMarks
from models.training.evaluation.pairs import FOUND, PairScore
from models.training.evaluation.real import RealScore
from models.training.evaluation.swaps import SwapMarks, SwapScore
from models.training.statistics import estimate_share

IDS = tuple(f"{number:02}" for number in range(40))
KINDS = ("pictures", "real masks", "swaps")
BOTH_REGIONS = ("lips and jaw", "all")


def evaluation(judge="a1", ids=IDS, **changes):
    """Scores that differ from picture to picture, the same ones in each call.

    Args:
        judge: its digest; None: no judge.
        ids: of the pictures of each kind.
        changes: other fields of the Evaluation.
    """
    numbers = {name: np.random.default_rng(int(name)) for name in ids}
    fields = {
        "pairs": [_pair(name, rng, judge) for name, rng in numbers.items()],
        "bare": [
            BareScore(name, "a", "frontal", True, False, _errors(rng), _errors(rng))
            for name, rng in numbers.items()
        ],
        "real": [
            RealScore(name, "cup", "half", True, True, 0.9, rng.uniform(), _sights(rng, judge))
            for name, rng in numbers.items()
        ],
        "swaps": [
            SwapScore(name, SwapMarks(*rng.uniform(size=5).tolist()))
            for name, rng in numbers.items()
        ],
        "large": [
            LargeScore(name, 1.5, _enlarged(rng), {SERVED: 1.0, LIFTED: 1.0})
            for name, rng in numbers.items()
        ],
        "scenes": scenes({name: (int(rng.integers(4)), 3) for name, rng in numbers.items()}),
    }
    fields["compute"] = {"crop": 1.3, "mask": 1.0}
    fields["digests"] = {kind: dict.fromkeys(ids, "c3") for kind in KINDS}
    return Evaluation("tiny", judge, **fields | changes, scenes_held_back=True)


def scenes(found):
    """A detector's scores. found: photo -> found and all masked faces."""
    recall = estimate_share(*zip(*found.values(), strict=True))
    at = Operation(0.5, 0.1, 0.0, 0.0, recall, recall)
    faces = sum(count for _, count in found.values())
    return SceneScore(len(found), faces, faces, at, at, at, {}, [], 0, 0, 0.8, [], found)


def _pair(name, rng, judge):
    marks, errors = {FOUND: _marks(rng)}, _errors(rng)
    sights = _sights(rng, judge)
    return PairScore(
        name, "a", "cup", "frontal", True, True, rng.uniform(), marks, errors, errors, sights
    )


def _enlarged(rng):
    """As served better by as much in each picture."""
    lifted = _marks(rng)
    served = PictureMarks(*(mark + 0.1 for mark in astuple(lifted)))
    return {SERVED: served, LIFTED: lifted}


def _marks(rng):
    return PictureMarks(*rng.uniform(size=6).tolist())


def _errors(rng):
    return {region: rng.uniform() for region in BOTH_REGIONS}


def _sights(rng, judge):
    return {"painted": rng.uniform()} if judge else {}
