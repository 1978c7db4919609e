import io
import zipfile

import cv2
import numpy as np
import pytest

from models.checkpoint import save_net
from models.crop.frame import FRAME_PX
from models.crop.net import DetectorConfig, FaceDetector
from tests.models.training.stores import save_small_nets, write_store
from tests.models.training.test_tasks import oval_face


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


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """Weights of three nets, and a store of cut faces for each set of sources."""
    count = 60  # faces in each; three are held back
    root = tmp_path_factory.mktemp("training")
    landmarks = np.repeat(oval_face()[None], count, axis=0)
    names = [f"{'A' if row % 2 else 'C'}{row}" for row in range(count)]
    for source in ("some", "worn", "masked", "mine"):
        (root / source).mkdir()
        np.savez(root / source / "labels.npz", name=names, landmarks=landmarks)
    for name in ("aaf", "scut", "utk", "omi"):
        (root / name).mkdir()
        own = [f"{row}_0_{row % 5}_9" for row in range(count // 4)]  # as in UTKFace
        np.savez(root / name / "labels.npz", name=own, landmarks=landmarks[: count // 4])
    (root / "scenes").mkdir()
    (root / "scenes" / "boxes.json").write_text("{}")
    for name in ("aaf+scut+utk+omi", "masked", "worn", "some", "mine"):
        write_store(root, name, landmarks)
    save_small_nets(root / "weights")
    narrow = DetectorConfig(0.1, 8, (4, 4, 8, 8))
    save_net(root / "weights" / "crop.safetensors", FaceDetector(narrow), narrow)
    return root
