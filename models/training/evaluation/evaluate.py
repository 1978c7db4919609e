"""Scores the service on a folder of pictures with a known truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from models.checkpoint import load_manifest
from models.pipeline import Models, load_models
from models.training.crop.labels import is_held_back
from models.training.crop.score import SceneScore, score_scenes
from models.training.evaluation import baselines as guesses
from models.training.evaluation.folder import (
    Case,
    EvalFolderError,
    read_image,
    read_landmarks,
    read_pairs,
    read_real,
    read_swaps,
    spread,
)
from models.training.evaluation.pairs import Fill, PairScore, score_pair
from models.training.evaluation.real import RealScore, score_real
from models.training.evaluation.service import Service
from models.training.evaluation.sheets import write_pair_sheets, write_real_sheet, write_swap_sheet
from models.training.evaluation.swaps import SwapScore, score_swap

T = TypeVar("T")


class Progress(Protocol):
    """Hands the items through, and shows how far it is."""

    def __call__(self, items: Sequence[T], title: str) -> Iterable[T]: ...


@dataclass(frozen=True)
class Scenes:
    """Photos with boxes to score the detector on."""

    source: Path  # zip or folder
    held_back: bool  # only the tenth that training leaves out


@dataclass(frozen=True)
class Evaluation:
    """The scores of all pictures."""

    weights: str  # version
    pairs: list[PairScore]
    real: list[RealScore]
    swaps: list[SwapScore]
    scenes: SceneScore | None


def evaluate(
    folder: Path,
    weights: Path,
    out: Path,
    *,
    progress: Progress,
    limit: int | None = None,
    baselines: bool = True,
    scenes: Scenes | None = None,
) -> Evaluation:
    """Feeds each picture as a photo through `models.pipeline` and compares with the truth.

    Args:
        folder: laid out as `models.training.evaluation.folder` says.
        weights: folder with manifest.json.
        out: gets composite/, mask/, real/, swap/ (ID.png) and contact sheets.
        progress: goes around each list of pictures.
        limit: at most this many of each kind, evenly spaced.
        baselines: also score what costs nothing.
        scenes: also score the detector.

    Raises:
        EvalFolderError: the folder or the scenes are laid out otherwise.
        WeightsError: see `load_models`.
    """
    models = load_models(weights)
    scene_score = _score_scenes(models, scenes) if scenes else None
    service = Service(models)
    pairs, real, swaps = (
        spread(read(folder), limit) for read in (read_pairs, read_real, read_swaps)
    )
    landmarks, fills = read_landmarks(folder), _fills(pairs) if baselines else {}
    result = Evaluation(
        load_manifest(weights).version,
        [
            score_pair(case, service, out, fills, landmarks.get(case.id))
            for case in progress(pairs, "pictures")
        ],
        [score_real(case, service, out) for case in progress(real, "real masks")],
        [score_swap(case, service, out) for case in progress(swaps, "swaps")],
        scene_score,
    )
    write_pair_sheets(pairs, result.pairs, out)
    write_real_sheet(real, result.real, out)
    write_swap_sheet(swaps, result.swaps, out)
    return result


def _fills(pairs: Sequence[Case]) -> dict[str, Fill]:
    fills: dict[str, Fill] = {
        "copied": guesses.copied,
        "Telea": guesses.telea,
        "Navier-Stokes": guesses.navier_stokes,
    }
    truths = [read_image(case.truth) for case in pairs if case.truth]
    if len({truth.shape for truth in truths}) == 1:
        fills["mean face"] = partial(guesses.mean_face, mean=guesses.mean_picture(truths))
    return fills


def _score_scenes(models: Models, scenes: Scenes) -> SceneScore:
    names = is_held_back if scenes.held_back else None
    try:
        return score_scenes(models.detector, scenes.source, names)
    except (KeyError, ValueError) as error:
        raise EvalFolderError(
            f"{scenes.source} must hold pictures and boxes.json that names them: {error}"
        ) from error
