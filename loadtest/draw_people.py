"""Makes loadtest/people/KIND.webp: the NASA portrait with a mask of each kind, cut out.

Also loadtest/reference.jpg, the portrait without a mask.

The portrait of Eileen Collins (NASA, public domain) ships inside scikit-image. Run this
again when the drawn masks change: `.venv/bin/python loadtest/draw_people.py`.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import numpy.typing as npt
from photos import PEOPLE, REFERENCE
from PIL import Image
from skimage.data import astronaut

Pixels = npt.NDArray[np.uint8]

KINDS = (
    "surgical_blue",
    "surgical_white",
    "surgical_green",
    "surgical_black",
    "kf94",
    "n95_cup",
    "cloth_plain",
    "cloth_patterned",
    "printed",
)
BUST = (slice(8, 300), slice(60, 372))  # rows and columns of the portrait, px
SEED = "3"  # of the masks' folds and colours
FADE_PX = 30  # over which the cut through the chest fades out


def main() -> None:
    PEOPLE.mkdir(exist_ok=True)
    Image.fromarray(astronaut()).save(REFERENCE, quality=88)
    alpha = cut_out(astronaut())[BUST]
    with TemporaryDirectory() as folder:
        bust = Path(folder) / "bust.png"
        Image.fromarray(astronaut()[BUST]).save(bust)
        for kind in KINDS:
            person = Image.fromarray(np.dstack([wear(bust, kind), alpha]))
            person.save(PEOPLE / f"{kind}.webp", quality=85, method=6)


def wear(bust: Path, kind: str) -> Pixels:
    """The picture with a mask on, uint8 (H, W, 3) RGB."""
    command = Path(sys.executable).with_name("mask2face")
    out = bust.with_name(f"{kind}.png")
    arguments = [bust, "-o", out, "--kind", kind, "--seed", SEED]
    subprocess.run([command, "wear", *arguments], check=True)
    return np.asarray(Image.open(out).convert("RGB"))


def cut_out(portrait: Pixels) -> Pixels:
    """The person's alpha, uint8 (512, 512), by GrabCut from a rough guess."""
    labels = np.full(portrait.shape[:2], cv2.GC_BGD, np.uint8)
    for label, shapes in (
        (cv2.GC_PR_FGD, [((222, 95), (85, 100)), ((215, 330), (160, 175))]),
        (cv2.GC_FGD, [((222, 110), (48, 68)), ((215, 300), (95, 110)), ((212, 215), (84, 62))]),
    ):
        for centre, axes in shapes:
            cv2.ellipse(labels, centre, axes, 0, 0, 360, int(label), -1)
    nothing = np.zeros((1, 65))
    cv2.grabCut(portrait, labels, None, nothing, nothing.copy(), 6, cv2.GC_INIT_WITH_MASK)
    person = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    alpha = cv2.GaussianBlur(np.where(person, 255, 0).astype(np.uint8), (0, 0), 1.2)
    rows = np.arange(len(alpha))[:, None]
    fade = np.clip((BUST[0].stop - rows) / FADE_PX, 0, 1)
    return (alpha * fade).astype(np.uint8)


if __name__ == "__main__":
    main()
