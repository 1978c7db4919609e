"""The examples of docs/python.md run, one after the other."""

import ast
import asyncio
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.usefixtures("seeing")

SKIN, CLOTH = (200, 150, 130), (220, 40, 40)


@pytest.fixture
def names(tiny_weights, tmp_path, monkeypatch):
    """What the examples define in a folder with their files."""
    pixels = np.full((280, 300, 3), SKIN, np.uint8)
    pixels[80:92, 80:176] = 30
    PilImage.fromarray(pixels).save(tmp_path / "me.jpg")
    pixels[120:210, 70:190] = CLOTH
    PilImage.fromarray(pixels).save(tmp_path / "masked.jpg")
    (tmp_path / "weights").symlink_to(tiny_weights)
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in Jupyter
        code = compile(block, "docs/python.md", "exec", flags)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, names))
        else:
            exec(code, names)
    return names


def test_the_examples_run_and_find_what_they_say(names, tmp_path):
    with PilImage.open(tmp_path / "painted.jpg") as painted:
        assert (painted.format, painted.size) == ("JPEG", (300, 280))
    assert names["result"].changed
    assert names["hidden"].shape == (280, 300)
    assert names["hidden"][130:200, 80:180].mean() > 0.9
    assert len(names["pictures"]) == 3
