import os
import tempfile
import uuid
from pathlib import Path

import numpy as np
import pytest
import torch

from models import stages
from models.checkpoint import Entry, Manifest, file_sha256, save_manifest, save_net
from models.crop.detect import Face
from models.mask.detect import MaskFinding
from models.nets.budgets import NETS
from serve_graph import flags, launch

os.environ.setdefault("RAY_AUTH_TOKEN", uuid.uuid4().hex)  # or Ray writes one to the home folder
flags.set_flags()  # before any test imports Ray

# Much smaller than the shipped nets: tests check what is done with a net, not how good it is.
TINY = {
    "crop": {"width": 0.1, "coarsest": 8, "necks": (8, 8, 8, 8)},
    "mask": {"width": 4, "depth": 2},
    "landmarks": {"widths": (4, 4, 8, 8), "blocks": (1, 1, 1, 1), "features": 16},
    "inpaint": {"width": 8, "middle": 8, "deep": 8, "head": 8},
}
CANONICAL = np.array([(88, 86), (168, 86), (128, 130), (95, 168), (161, 168)], np.float32)


def _ellipse(centre, radii, degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii + centre


def mean_face():
    """68 points of a plain face in the canonical frame."""
    groups = [
        _ellipse((128, 110), (74, 108), np.linspace(180, 0, 17)),  # jaw
        np.linspace((64, 66), (108, 66), 5),  # brows
        np.linspace((148, 66), (192, 66), 5),
        np.linspace((128, 86), (128, 128), 4),  # nose
        np.linspace((112, 138), (144, 138), 5),
        _ellipse((88, 86), (13, 6), np.arange(180, 540, 60)),  # eyes
        _ellipse((168, 86), (13, 6), np.arange(180, 540, 60)),
        _ellipse((128, 170), (33, 12), np.arange(180, 540, 30)),  # lips
        _ellipse((128, 170), (26, 4), np.arange(180, 540, 45)),
    ]
    return np.vstack(groups).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """A weights folder with tiny untrained nets; copy it before changing a file."""
    folder = tmp_path_factory.mktemp("weights")
    entries = {}
    for name, values in TINY.items():
        config = NETS[name].config_class(**values)
        path = folder / f"{name}.safetensors"
        net = NETS[name].net_class(config)
        if name == "landmarks":
            net.mean_face.copy_(torch.from_numpy(mean_face()))
        save_net(path, net, config)
        entries[name] = Entry(path.name, file_sha256(path), path.stat().st_size, "test", "never")
    save_manifest(Manifest(folder, "tiny", entries))
    return folder


def let_see(patch):
    """Lets `LocalStages` see what a trained detector and mask net would.

    There is one face, in the canonical frame of the photo's upper left 256 px, unless the first
    pixel is black. For a photo without a face blacken all corners, since it is also rotated. The
    face wears a mask over nose and mouth if its mouth is red.
    """

    def detect_faces(_, thumbs):
        face = Face(np.array([40, 30, 216, 230], np.float32), 0.9, CANONICAL)
        return [[face] if thumb[0, 0].any() else [] for thumb in thumbs]

    def detect_masks(_, faces):
        mask = np.zeros((256, 256), bool)
        mask[120:210, 70:190] = True
        red = [int(face[168, 128, 0]) > int(face[168, 128, 1]) + 100 for face in faces]
        return [MaskFinding(mask & worn, 0.9 if worn else 0.1) for worn in red]

    patch.setattr(stages, "detect_faces", detect_faces)
    patch.setattr(stages, "detect_masks", detect_masks)


@pytest.fixture
def seeing(monkeypatch):
    """See `let_see`."""
    let_see(monkeypatch)


@pytest.fixture(scope="session")
def service():
    """The service of all tests marked `serve`; see `tests.serving`."""
    from tests.collector import collecting
    from tests.serving import Served, shared_config

    content = shared_config()
    # Not pytest's folder: the paths of Ray's sockets must be short.
    with (
        tempfile.TemporaryDirectory(prefix="m2f") as name,
        pytest.MonkeyPatch.context() as patch,
        collecting() as collector,
    ):
        spool = Path(name) / "spool"
        spool.mkdir()
        patch.setenv("TMPDIR", str(spool))
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        for interval in ("RAY_metrics_report_interval_ms", "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS"):
            patch.setenv(interval, "1000")  # or most tests of the metrics would be waiting
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")  # ms
        with launch.running(content, temp_dir=Path(name) / "ray") as up:
            yield Served(up.url, content, spool, up.logs, collector)
