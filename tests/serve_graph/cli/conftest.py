import numpy as np
import pytest
from PIL import Image as PilImage
from typer.testing import CliRunner

from serve_graph.cli import app

SKIN, CLOTH = (200, 150, 130), (220, 40, 40)
SHAPE = (280, 300, 3)


@pytest.fixture
def command(tiny_weights):
    """Runs `mask2face` with tiny nets."""

    def run(*words, weights=tiny_weights):
        end = ["--weights", weights] if weights else []
        return CliRunner().invoke(app, [str(word) for word in (*words, *end)])

    return run


@pytest.fixture
def photo(tmp_path):
    """Writes a photo of one face."""

    def write(name="photo.png", masked=True, face=True, **options):
        pixels = np.full(SHAPE, SKIN, np.uint8)
        pixels[80:92, 80:176] = 30
        if masked:
            pixels[120:210, 70:190] = CLOTH
        if not face:
            pixels[np.ix_((0, -1), (0, -1))] = 0  # whichever corner comes first
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        PilImage.fromarray(pixels).save(path, **options)
        return path

    return write
