import numpy as np
import pytest
import torch

from models.mask.detect import detect_masks
from models.mask.unet import UNet, UNetConfig

SIZE = 256


class MarksBright(UNet):
    """Stands in for a trained net: bright means covered."""

    def __init__(self):
        super().__init__(UNetConfig(width=2, depth=1, max_width=2))

    def forward(self, face):
        return face.mean(dim=1, keepdim=True), torch.full((len(face),), 2.0)


def picture(*boxes, base=0):
    face = np.full((SIZE, SIZE, 3), base, np.uint8)
    for x0, y0, x1, y1, value in boxes:
        face[y0:y1, x0:x1] = value
    return face


def test_covered_pixels_are_found_with_their_probability():
    finding = detect_masks(MarksBright(), [picture((60, 120, 200, 220, 255))])[0]

    assert finding.mask[120:220, 60:200].all()
    assert finding.mask.sum() == 100 * 140
    assert finding.coverage == pytest.approx(14000 / SIZE**2)
    assert finding.probability == pytest.approx(1 / (1 + np.exp(-2)))


def test_specks_are_dropped_and_gaps_filled():
    face = picture((60, 120, 200, 220, 255), (10, 10, 15, 15, 255), (100, 150, 110, 160, 0))

    mask = detect_masks(MarksBright(), [face])[0].mask

    assert not mask[:100].any()
    assert mask[120:220, 60:200].all()


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ((0, 100, 25, 200), False),  # a cheek at the frame's edge
        ((220, 60, 250, 90), False),  # an ear
        ((10, 100, 55, 108), True),  # a strap
        ((0, 110, 50, 220), True),  # half a mask, beyond a finger
    ],
)
def test_a_second_part_is_a_strap_or_a_large_part_of_the_mask(part, kept):
    x0, y0, x1, y1 = part

    mask = detect_masks(MarksBright(), [picture((60, 120, 200, 220, 255), (*part, 255))])[0].mask

    assert mask[y0:y1, x0:x1].all() == kept
    assert mask[120:220, 60:200].all()


def test_a_bare_face_has_no_mask():
    assert not detect_masks(MarksBright(), [picture()])[0].mask.any()


def test_a_batch_answers_as_single_faces_do():
    faces = [picture((60, 120, 200, 220, 255)), picture(), picture((0, 0, 256, 256, 255))]

    together = detect_masks(MarksBright(), faces)

    for face, finding in zip(faces, together, strict=True):
        np.testing.assert_array_equal(detect_masks(MarksBright(), [face])[0].mask, finding.mask)


SKIN = (200, 150, 120)


@pytest.mark.parametrize(
    ("light", "is_grey"),
    [
        ((1, 1, 1), False),
        ((1, 0.75, 0.4), False),  # a lamp
        ((1, 0.75, 0.05), False),  # with hardly any blue left
        ((0.3, 0.3, 0.3), False),
        ((1, 0.15, 0.15), True),
        ((0.3, 1, 0.3), True),
        ((0.15, 0.2, 1), True),
    ],
)
def test_the_net_sees_a_face_in_strongly_coloured_light_in_grey(light, is_grey):
    seen = []

    class Sees(MarksBright):
        def forward(self, face):
            seen.append(face)
            return super().forward(face)

    face = np.clip(np.linspace(0.4, 1, SIZE)[:, None, None] * SKIN * np.array(light), 0, 255)

    detect_masks(Sees(), [np.broadcast_to(face, (SIZE, SIZE, 3)).astype(np.uint8)])

    assert ((seen[0] - seen[0][:, :1]).abs().max() < 0.01) == is_grey


def test_the_net_keeps_the_size_of_its_input():
    logits, worn = UNet(UNetConfig(width=4, depth=2, max_width=8)).eval()(torch.zeros(2, 3, 64, 64))

    assert logits.shape == (2, 1, 64, 64)
    assert worn.shape == (2,)
