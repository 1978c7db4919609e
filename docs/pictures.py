"""Makes the pictures of README.md, and the page's example, with the command itself: `make picture`.

The NASA portrait of Eileen Collins (public domain, ships inside scikit-image) gets drawn masks by
`mask2face wear`, and `mask2face run` takes them off again.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw
from skimage.data import astronaut

from models.training.drawing import KINDS
from models.training.sheets import contact_sheet

DOCS = Path(__file__).parent
REFERENCE = DOCS.parent / "loadtest" / "reference.jpg"  # the whole portrait
EXAMPLE = DOCS.parent / "serve_graph" / "web" / "example.jpg"
HEAD = (slice(8, 328), slice(62, 382))  # rows and columns of the portrait, px
FACE = (75, 40, 245, 210)  # of that, for the small copies: left, top, right, bottom
GAP_PX, TILE_PX, LABEL_PX, COLUMNS = 8, 160, 16, 5
KIND, SEED = "surgical_blue", "3"
OWN = "her own"  # lower face, from the reference
CANDIDATES = 4


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        bare = folder / "bare.png"
        Image.fromarray(astronaut()[HEAD]).save(bare)
        masked, painted = folder / "masked", folder / "painted"
        masked.mkdir()
        for kind in KINDS:
            mask2face("wear", bare, "-o", masked / f"{kind}.png", "--kind", kind, "--seed", SEED)
            (masked / f"{kind}_mask.png").unlink()
        mask2face("run", masked, "-o", painted)
        pair = [_open(one / f"{KIND}.png") for one in (masked, painted)]
        save(grid([pair]), "before_after.jpg")
        save(kinds_sheet(masked, painted), "kinds.jpg")
        save(handles_sheet(bare, masked / f"{KIND}.png", folder), "handles.jpg")
        draw_example(folder / "example.png")


def draw_example(masked: Path) -> None:
    """The photo that the page offers to whoever has none."""
    mask2face("wear", REFERENCE, "-o", masked, "--kind", KIND, "--seed", SEED)
    _open(masked).save(EXAMPLE, quality=85, optimize=True)


def kinds_sheet(masked: Path, painted: Path) -> Image.Image:
    """Each kind of mask above what was painted."""
    rows = []
    for start in range(0, len(KINDS), COLUMNS):
        kinds = KINDS[start : start + COLUMNS]
        rows.append([tile(masked / f"{kind}.png", kind.replace("_", " ")) for kind in kinds])
        rows.append([tile(painted / f"{kind}.png") for kind in kinds])
    return grid(rows)


def handles_sheet(bare: Path, masked: Path, folder: Path) -> Image.Image:
    """What callers can ask for, with the same photo; below, several plausible faces."""
    tiles = [tile(masked, "with a mask")]
    wishes = {wish: ["--expression", wish] for wish in ("neutral", "auto", "smile")}
    for wish, arguments in {**wishes, OWN: ["--reference", bare]}.items():
        out = folder / f"{wish}.png"
        mask2face("run", masked, "-o", out, *arguments)
        tiles.append(tile(out, wish))
    return grid([tiles, candidates(masked, folder)])


def candidates(masked: Path, folder: Path) -> list[Image.Image]:
    """The answers to one call, most likely first, behind a tile of white."""
    numbers = range(1, CANDIDATES + 1)
    mask2face("run", masked, "-o", folder / "candidate.png", "--candidates", str(CANDIDATES))
    tiles = [tile(folder / f"candidate_{one}.png", f"candidate {one}") for one in numbers]
    return [Image.new("RGB", tiles[0].size, "white"), *tiles]


def mask2face(*arguments: str | Path) -> None:
    """Runs the command of this environment."""
    subprocess.run([Path(sys.executable).with_name("mask2face"), *arguments], check=True)


def _open(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def tile(path: Path, label: str = "") -> Image.Image:
    """A small copy of the face, with room for a label above it."""
    small = _open(path).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS, box=FACE)
    labelled = Image.new("RGB", (TILE_PX, LABEL_PX + TILE_PX), "white")
    ImageDraw.Draw(labelled).text((0, 0), label, "black")
    labelled.paste(small, (0, LABEL_PX))
    return labelled


def grid(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pictures of one size on white, with gaps."""
    gap = ((0, GAP_PX), (0, GAP_PX), (0, 0))
    spaced = [[np.pad(np.asarray(one), gap, constant_values=255) for one in row] for row in rows]
    return Image.fromarray(contact_sheet(spaced)[:-GAP_PX, :-GAP_PX])


def save(picture: Image.Image, name: str) -> None:
    picture.save(DOCS / name, quality=92)


if __name__ == "__main__":
    main()
