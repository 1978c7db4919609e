"""Scores the service on a folder of pictures with a known truth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from models.checkpoint import file_sha256, load_manifest
from models.nets.budgets import NETS, cost_of
from models.stages import Models, load_models
from models.training.crop.labels import Picture, is_held_back
from models.training.crop.score import SceneScore, score_scenes
from models.training.crop.verdicts import read_verdicts
from models.training.evaluation import baselines as guesses
from models.training.evaluation.bare import BareScore, score_bare
from models.training.evaluation.folder import (
    Case,
    EvalFolderError,
    check_case,
    digest_of,
    read_landmarks,
    read_pairs,
    read_real,
    read_swaps,
)
from models.training.evaluation.large import LargeScore, score_large
from models.training.evaluation.pairs import Fill, PairScore, score_pair
from models.training.evaluation.real import RealScore, score_real
from models.training.evaluation.residual import Judge
from models.training.evaluation.service import Service
from models.training.evaluation.sheets import (
    write_bare_sheet,
    write_large_sheet,
    write_pair_sheets,
    write_real_sheets,
    write_swap_sheet,
)
from models.training.evaluation.strays import remove_missed, words_of, write_missed, write_strays
from models.training.evaluation.swaps import SwapScore, score_swap
from models.training.pictures import read_image, spread
from models.training.sources import SourceError

T = TypeVar("T")

_FILLS: dict[str, Fill] = {
    "copied": guesses.copied,
    "Telea": guesses.telea,
    "Navier-Stokes": guesses.navier_stokes,
}


class Progress(Protocol):
    """Passes the items on and shows the progress."""

    def __call__(self, items: Sequence[T], title: str) -> Iterable[T]: ...


@dataclass(frozen=True)
class Scenes:
    """Photos with boxes to score the detector on."""

    source: Path  # zip or folder
    held_back: bool  # only the fifth that training leaves out
    verdicts: Path | None = None  # see models.training.crop.verdicts


@dataclass(frozen=True)
class Evaluation:
    """The scores of all pictures."""

    weights: str  # version
    judge: str | None  # sha256 of its file
    compute: dict[str, float]  # net -> GMAC of one call
    digests: dict[str, dict[str, str]]  # kind of pictures -> ID -> sha256 of its files
    pairs: list[PairScore]
    bare: list[BareScore]
    real: list[RealScore]
    swaps: list[SwapScore]
    large: list[LargeScore]  # of the swaps' persons, those with a large face
    scenes: SceneScore | None
    scenes_held_back: bool  # whether only the fifth that training leaves out counts


def evaluate(
    folder: Path,
    weights: Path,
    out: Path,
    *,
    progress: Progress,
    limit: int | None = None,
    baselines: bool = True,
    scenes: Scenes | None = None,
    judge: Path | None = None,
    device: str = "cpu",
) -> Evaluation:
    """Runs each picture as a photo through `models.pipeline` and compares it with the truth.

    Args:
        folder: laid out as described in `models.training.evaluation.folder`.
        weights: folder with manifest.json.
        out: gets composite/, mask/, landmarks/, bare/, real/, real_painted/, residual/, swap/,
            large/ and large_bicubic/ (ID.png) and contact sheets.
        progress: wraps each list of pictures.
        limit: at most this many of each kind, evenly spaced.
        baselines: also score the baselines.
        scenes: also score the detector; `out` gets strays.csv, strays_N.jpg and
            sheet_missed.jpg.
        judge: weights of the judge that looks for remains of masks; None: no judge.
        device: where the nets run.

    Raises:
        BadImageError: a file of the folder isn't a picture, or not one that the service takes.
        EvalFolderError: the layout of the folder or of the scenes is wrong, its landmarks.npz is
            damaged, or a mask is blank or differs in size from its picture.
        VerdictsError: the layout of the verdicts, or of an earlier OUT/strays.csv, is wrong.
        WeightsError: see `load_models` and `load_net`.
    """
    pairs, real, swaps = (read(folder, limit) for read in (read_pairs, read_real, read_swaps))
    for case in (*pairs, *real, *swaps):
        check_case(case)
    points = read_landmarks(folder)
    manifest, models = load_manifest(weights), load_models(weights, device)
    scene_score = _score_scenes(models, scenes, out, progress, limit) if scenes else None
    service, looker = Service(models), Judge(judge, device) if judge else None
    fills_of = _fills_for(pairs) if baselines else lambda _: {}
    result = Evaluation(
        manifest.version,
        file_sha256(judge) if judge else None,
        {name: cost_of(manifest, name).gmac for name in NETS},
        {
            kind: {case.id: digest_of(case) for case in cases}
            for kind, cases in (("pictures", pairs), ("real masks", real), ("swaps", swaps))
        },
        [
            score_pair(case, service, out, fills_of(case), points.get(case.id), looker)
            for case in progress(pairs, "pictures")
        ],
        [
            score_bare(case, points[case.id], service, out)
            for case in progress([case for case in pairs if case.id in points], "bare faces")
        ],
        [score_real(case, service, out, looker) for case in progress(real, "real masks")],
        [score_swap(case, service, out) for case in progress(swaps, "swaps")],
        [
            score
            for case in progress(swaps, "large faces")
            if (score := score_large(case, service, out))
        ],
        scene_score,
        scenes_held_back=bool(scenes and scenes.held_back),
    )
    if scenes is None:
        remove_missed(out)
    write_pair_sheets(pairs, result.pairs, out)
    write_bare_sheet(pairs, result.bare, out)
    write_real_sheets(real, result.real, out)
    write_swap_sheet(swaps, result.swaps, out)
    write_large_sheet(swaps, result.large, out)
    return result


def _fills_for(pairs: Sequence[Case]) -> Callable[[Case], dict[str, Fill]]:
    """The baselines of each picture; a single picture has no mean of others."""
    truths = guesses.sum_pictures(read_image(case.truth) for case in pairs if case.truth)

    def fills_of(case: Case) -> dict[str, Fill]:
        mean = truths.mean_without(read_image(case.truth)) if truths and case.truth else None
        own = {} if mean is None else {"mean face": partial(guesses.mean_face, mean=mean)}
        return {**_FILLS, **own}

    return fills_of


def _score_scenes(
    models: Models, scenes: Scenes, out: Path, progress: Progress, limit: int | None
) -> SceneScore:
    verdicts = read_verdicts(scenes.verdicts) if scenes.verdicts else []
    words = words_of(out)

    def around(pictures: Sequence[Picture]) -> Iterable[Picture]:
        return progress(spread(pictures, limit), "scenes")

    names = is_held_back if scenes.held_back else None
    try:
        score = score_scenes(models.detector, scenes.source, names, verdicts, around)
    except (KeyError, ValueError, SourceError) as error:
        raise EvalFolderError(
            f"{scenes.source} must hold pictures and boxes.json that names them: {error}"
        ) from error
    write_strays(scenes.source, score.strays, out, words)
    write_missed(scenes.source, score.missed, out)
    return score
