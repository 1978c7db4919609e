"""Whatever README.md, CONTRIBUTING.md and docs/ tell people to type, open or send exists."""

import re
import shlex
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from typer.main import get_command

from serve_graph.api import create_api
from serve_graph.cli import app
from serve_graph.service import Service
from serve_graph.settings import ApiSettings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
TEXTS = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", *DOCS)}
MAKEFILE = (ROOT / "Makefile").read_text()
CURLS = re.findall(r"^curl .*", README, re.MULTILINE)
PATH = re.compile(
    r"^(?:models|serve_graph|configs|weights|loadtest|tests|docs|\.ci)/[\w./-]*$"
    r"|^[\w.]+\.(?:md|toml|txt)$"
)


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    """The paths of the API's OpenAPI document."""
    service = Service(Mock(), "0", ApiSettings(), Mock(), Mock(), Mock())
    return create_api(service).openapi()["paths"]


def fields_of(paths: dict[str, Any], path: str) -> set[str]:
    content = paths[path]["post"]["requestBody"]["content"]
    return set(content["multipart/form-data"]["schema"]["properties"])


def code_in(text: str) -> list[str]:
    """The contents of backticks and code blocks, line by line."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [*"".join(blocks).splitlines(), *spans]


def test_the_picture_the_command_and_a_request_come_first() -> None:
    start = "\n".join(README.splitlines()[:30])
    assert [word in start for word in ("docs/before_after.jpg", "make serve", "curl -F")] == [
        True
    ] * 3


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
        *("loadtest/RESULTS.md", "loadtest/HISTORY.md"),
        *("weights/LICENSE.md", "weights/MODEL_CARD.md", *DOCS),
    ],
)
def test_each_link_leads_to_a_file(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#]+)", text)
    missing = [
        link
        for link in links
        if "://" not in link and not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert not missing


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_each_named_file_exists(text: str) -> None:
    words = {word for line in code_in(text) for word in line.split() if PATH.match(word)}
    example = {word for word in words if "glasses" in word}  # the stage that doesn't exist yet
    assert not [word for word in words - example if not (ROOT / word).exists()]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_make_knows_each_word_and_variable(text: str) -> None:
    for line in code_in(text):
        if not re.search(r"\bmake ", line):
            continue
        words = shlex.split(line, comments=True)
        for word in words[words.index("make") + 1 :]:
            name, is_variable, _ = word.partition("=")
            known = rf"\$\({name}\)" if is_variable else rf"^{name}:"
            assert re.search(known, MAKEFILE, re.MULTILINE), f"{word} in: {line}"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_mask2face_has_each_command(text: str) -> None:
    commands = get_command(app).commands
    for line in code_in(text):
        for group, word in re.findall(r"\bmask2face ([a-z]+)(?: ([a-z]+)\b)?", line):
            assert group in commands, line
            if group == "weights":
                assert word in commands[group].commands, line


@pytest.mark.parametrize("curl", CURLS)
def test_the_api_takes_each_curl(curl: str, paths: dict[str, Any]) -> None:
    words = shlex.split(curl)
    sent = {words[i + 1].split("=")[0] for i, word in enumerate(words) if word == "-F"}
    path = next(word.split(":8000")[1] for word in words if word.startswith("http"))
    assert sent <= fields_of(paths, path)


def test_the_table_has_the_calls_and_fields_of_the_api(paths: dict[str, Any]) -> None:
    rows = re.findall(r"^\| `(?:POST|GET) (/v1/\w+)` \| (.*?) ?(?<!\\)\|", README, re.MULTILINE)
    assert {path for path, _ in rows} == {path for path in paths if path.startswith("/v1/")}
    for path, told in rows:
        if not told or told.startswith("the same"):
            continue
        named = {word.split("=")[0] for word in re.findall(r"`([a-z][^`]*)`", told)}
        assert named == fields_of(paths, path)


def test_each_config_is_described() -> None:
    for path in (ROOT / "configs").glob("*.yaml"):
        assert f"`configs/{path.name}`" in README
