import io
import zipfile

import cv2
import numpy as np
import pytest

from models.crop.frame import FRAME_PX


@pytest.fixture
def landmarks():
    points = np.random.default_rng(0).uniform(60, 200, (68, 2)).astype(np.float32)
    points[36:42], points[42:48] = (88, 86), (168, 86)
    points[30], points[48], points[54] = (128, 130), (95, 168), (161, 168)
    return points


@pytest.fixture
def picture():
    return cv2.GaussianBlur(
        np.random.default_rng(1).integers(0, 256, (FRAME_PX, FRAME_PX, 3), dtype=np.uint8),
        (0, 0),
        5,
    )


@pytest.fixture(params=["zip", "folder"])
def data(request, tmp_path, landmarks, picture):
    labels = io.BytesIO()
    np.savez(labels, name=["a", "b"], landmarks=np.stack([landmarks, landmarks]))
    files = {"labels.npz": labels.getvalue()}
    for name in "ab":
        files[f"{name}.webp"] = cv2.imencode(".webp", picture[..., ::-1])[1].tobytes()
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        (tmp_path / "some").mkdir()
        for name, content in files.items():
            (tmp_path / "some" / name).write_bytes(content)
    return tmp_path
