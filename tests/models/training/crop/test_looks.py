import numpy as np

from models.training.crop.looks import vary_look


def test_the_look_changes_but_not_the_shape():
    image = np.random.default_rng(0).integers(0, 256, (41, 50, 3), dtype=np.uint8)

    varied = [vary_look(image, np.random.default_rng(seed)) for seed in range(30)]

    assert all(v.shape == image.shape and v.dtype == np.uint8 for v in varied)
    assert all((v != image).any() for v in varied)


def test_some_pictures_turn_grey():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)

    varied = [vary_look(image, np.random.default_rng(seed)).astype(int) for seed in range(60)]

    grey = [np.abs(v - v.mean(axis=2, keepdims=True)).max() < 30 for v in varied]
    assert any(grey)
    assert not all(grey)


def test_the_given_picture_stays_as_it_was():
    image = np.full((32, 32, 3), 77, np.uint8)

    vary_look(image, np.random.default_rng(1))

    assert (image == 77).all()
