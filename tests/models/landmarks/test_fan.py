"""FAN with meaningless weights of full size: tests loading and predicting, not quality."""

import hashlib
import io

import numpy as np
import pytest
import torch
from torch import nn

from models.errors import WeightsError
from models.landmarks.fan import find_landmarks, find_weights, load_fan


def put_file(folder, content, digest=None):
    digest = digest or hashlib.sha256(content).hexdigest()[:10]
    path = folder / f"2DFAN4-{digest}.pth.tar"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        from face_alignment.models import FAN
    torch.manual_seed(0)
    content = io.BytesIO()
    torch.save(FAN(4).state_dict(), content)
    folder = tmp_path_factory.mktemp("fan")
    put_file(folder, content.getvalue())
    return folder


@pytest.fixture(scope="module")
def fan(folder):
    return load_fan(folder)


def test_a_bare_face_gets_68_points_of_the_crop(fan):
    face = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)

    one, two = find_landmarks(fan, [face, face])

    assert (one.shape, one.dtype) == ((68, 2), np.float32)
    assert len(np.unique(one, axis=0)) > 5
    np.testing.assert_array_equal(one, two)


def test_points_come_back_where_fan_sees_them(fan, monkeypatch):
    """If heatmaps peak in their middle, all points lie in the middle of what FAN sees."""
    peak = torch.zeros(1, 68, 64, 64)
    peak[:, :, 32, 32] = 1
    monkeypatch.setattr(fan.aligner, "face_alignment_net", lambda _: [peak])

    points = find_landmarks(fan, [np.zeros((256, 256, 3), np.uint8)])[0]

    # The box's centre, moved up by 0.12 of its height, as in FAN's training.
    np.testing.assert_allclose(points, np.tile((128, 124 - 0.12 * 188), (68, 1)), atol=4)


def test_a_missing_file_is_named_with_its_place_and_source(tmp_path):
    with pytest.raises(WeightsError, match=r"2DFAN4-11f355bf06.pth.tar is missing.*https://"):
        load_fan(tmp_path)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    put_file(tmp_path, b"cut off", "11f355bf06")

    with pytest.raises(WeightsError, match="sha256 differs"):
        find_weights(tmp_path)


def test_a_pickle_with_more_than_tensors_is_refused(tmp_path):
    content = io.BytesIO()
    torch.save({"code": hashlib.sha256}, content)
    put_file(tmp_path, content.getvalue())

    with pytest.raises(WeightsError, match="doesn't hold a FAN"):
        load_fan(tmp_path)


def test_running_out_of_memory_is_not_blamed_on_the_file(folder, monkeypatch):
    def move(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(nn.Module, "to", move)

    with pytest.raises(torch.OutOfMemoryError):
        load_fan(folder)


def test_loading_on_a_gpu_changes_no_setting_of_the_other_nets(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    import face_alignment

    content = io.BytesIO()
    torch.save({}, content)
    put_file(tmp_path, content.getvalue())
    monkeypatch.setattr(face_alignment.api, "FAN", lambda _: nn.Identity())
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)

    load_fan(tmp_path, "cuda")

    assert not torch.backends.cudnn.benchmark
