import cv2
import numpy as np
import pytest
import torch

from models.inpaint.generator import Generator, GeneratorConfig
from models.inpaint.lift import lift_detail
from models.inpaint.paint import fill_holes, paint_faces
from models.landmarks.net import LandmarkConfig, LandmarkNet

SIZE = 256


@pytest.fixture
def nets():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(width=16, middle=16, deep=16, head=8)).eval()
    return generator, LandmarkNet(LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8)).eval()


@pytest.mark.parametrize("count", [1, 3])
def test_only_hidden_pixels_change(nets, count):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
    holes = np.zeros((count, SIZE, SIZE), bool)
    holes[:, SIZE // 2 :] = True  # where a surgical mask sits

    results = np.stack([painted.face for painted in paint_faces(*nets, faces, holes)])

    np.testing.assert_array_equal(results[~holes], faces[~holes])
    assert (results[holes] != faces[holes]).any()


def test_what_the_mask_looks_like_cannot_shine_through(nets):
    face = np.full((SIZE, SIZE, 3), 120, np.uint8)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True
    other = face.copy()
    other[hole] = (255, 0, 0)

    one, two = paint_faces(*nets, [face, other], [hole, hole])

    np.testing.assert_array_equal(one.face, two.face)


def test_what_was_painted_is_cleared_up(nets):
    face = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True

    (one,) = paint_faces(*nets, [face], [hole])

    (filled,) = fill_holes(nets[0], [face], [hole], [one.landmarks])
    np.testing.assert_array_equal(one.face, lift_detail(filled, hole))
    assert (one.face != filled).any()


def test_the_generator_follows_the_lines(nets):
    generator = nets[0]
    face, hole = torch.zeros(1, 3, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE)
    lines = torch.zeros(1, 1, SIZE, SIZE)
    lines[..., 128, :] = 1

    assert not torch.equal(generator(face, hole, lines), generator(face, hole, 0 * lines))


def test_a_dark_face_is_painted_as_if_it_were_bright(nets):
    """At a fifth of the light, what was painted is a fifth as bright."""
    rng = np.random.default_rng(0)
    bright = cv2.resize(rng.integers(60, 200, (8, 8, 3), dtype=np.uint8), (SIZE, SIZE))
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True
    dark = np.rint(bright * 0.2).astype(np.uint8)

    (of_bright,) = paint_faces(*nets, [bright], [hole])
    (of_dark,) = paint_faces(*nets, [dark], [hole])

    painted = of_bright.face[hole].mean()
    assert painted > 60
    assert of_dark.face[hole].mean() == pytest.approx(0.2 * painted, rel=0.15)
    np.testing.assert_array_equal(of_dark.face[~hole], dark[~hole])


def test_a_dark_face_beside_it_changes_no_other(nets):
    rng = np.random.default_rng(0)
    face = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True

    (alone,) = paint_faces(*nets, [face], [hole])
    both = paint_faces(*nets, [face // 8, face], [hole, hole])

    assert np.abs(both[1].face.astype(int) - alone.face).max() <= 1


def test_both_nets_see_a_dark_face_in_the_same_levels(nets):
    rng = np.random.default_rng(0)
    black = np.repeat(rng.choice(np.uint8([3, 22]), (SIZE, SIZE, 1), p=(0.9, 0.1)), 3, axis=2)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[130:220, 60:200] = True
    seen = []
    for net in nets:
        net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    paint_faces(*nets, [black], [hole])

    assert len(seen) == 2
    torch.testing.assert_close(seen[0], seen[1])


def test_the_colour_of_dark_lenses_is_not_painted_into_the_hole(nets):
    bright = np.random.default_rng(0).integers(120, 200, (SIZE, SIZE, 3), dtype=np.uint8)
    lenses, hole = np.zeros((2, SIZE, SIZE), bool)
    lenses[65:115, 55:120] = lenses[65:115, 136:201] = True
    hole[130:220, 60:200] = True
    black, brown = (np.where(lenses[..., None], np.uint8(c), bright) for c in (9, (40, 24, 15)))

    (of_black,), (of_brown,) = (paint_faces(*nets, [face], [hole]) for face in (black, brown))

    np.testing.assert_array_equal(of_black.face[hole], of_brown.face[hole])
    np.testing.assert_array_equal(of_black.face[~hole], black[~hole])
