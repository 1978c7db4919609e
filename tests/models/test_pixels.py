import numpy as np
import torch

from models.pixels import masks_to_tensor, pack_mask, to_images, to_tensor, unpack_mask


def test_every_value_survives_the_way_into_a_net_and_back():
    values = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)

    np.testing.assert_array_equal(to_images(to_tensor([values]))[0], values)


def test_nets_see_rgb_between_minus_one_and_one():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[..., 0] = 255

    batch = to_tensor([picture, picture])

    assert batch.shape == (2, 3, 2, 2)
    assert batch[0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]


def test_values_outside_of_the_range_are_clipped():
    picture = to_images(torch.tensor([-3.0, 0.0, 3.0]).view(1, 3, 1, 1))[0]

    assert picture.tolist() == [[[0, 128, 255]]]


def test_a_mask_packs_into_an_eighth_and_comes_back():
    mask = np.random.default_rng(0).random((256, 256)) > 0.5

    packed = pack_mask(mask)

    assert len(packed) == 8192
    np.testing.assert_array_equal(unpack_mask(packed, mask.shape), mask)


def test_masks_become_ones_and_zeros():
    batch = masks_to_tensor([np.eye(2, dtype=bool)])

    assert batch.tolist() == [[[[1.0, 0.0], [0.0, 1.0]]]]
