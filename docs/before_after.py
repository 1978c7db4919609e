"""Makes docs/before_after.jpg with the command itself: `make picture`.

The NASA portrait of Eileen Collins (public domain, ships inside scikit-image) gets a drawn
mask by `mask2face wear`, and `mask2face run` takes it off again.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from skimage.data import astronaut

HEAD = (slice(8, 328), slice(62, 382))  # rows and columns of the portrait, px
GAP_PX = 8
KIND, SEED = "surgical_blue", "3"


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        bare, masked, unmasked = (folder / f"{step}.png" for step in ("bare", "masked", "unmasked"))
        Image.fromarray(astronaut()[HEAD]).save(bare)
        mask2face("wear", bare, "-o", masked, "--kind", KIND, "--seed", SEED)
        mask2face("run", masked, "-o", unmasked)
        picture = side_by_side(Image.open(masked), Image.open(unmasked))
    picture.save(Path(__file__).with_name("before_after.jpg"), quality=92)


def mask2face(*arguments: str | Path) -> None:
    """Runs the command of this environment."""
    subprocess.run([Path(sys.executable).with_name("mask2face"), *arguments], check=True)


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both pictures on white, with a gap."""
    size = (left.width + GAP_PX + right.width, left.height)
    picture = Image.new("RGB", size, "white")
    picture.paste(left, (0, 0))
    picture.paste(right, (left.width + GAP_PX, 0))
    return picture


if __name__ == "__main__":
    main()
