"""The image contains what its command needs, and `mask2face` accepts that command."""

import json
import re
from pathlib import Path

from typer.main import get_command

from serve_graph.cli import app

ROOT = Path(__file__).resolve().parent.parent
KEPT = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_image_has_the_code_and_what_lies_beside_it():
    assert {"pyproject.toml", "models", "serve_graph", "configs", "weights"} <= set(KEPT)
    assert not [name for name in KEPT if not (ROOT / name).exists()]


def test_the_image_serves_a_config_that_it_has(monkeypatch):
    monkeypatch.chdir(ROOT)
    program, name, *words = json.loads(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1])

    given = get_command(app).commands[name].make_context(name, words).params
    assert program == "mask2face"
    assert Path(given["config"]).parts[0] in KEPT  # a str before typer 0.29
    assert given["host"] == "0.0.0.0"
