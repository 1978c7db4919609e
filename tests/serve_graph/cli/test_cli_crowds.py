"""What `mask2face run` reports about many faces, and how it applies a reference."""

import pytest

from models import stages

pytestmark = pytest.mark.usefixtures("seeing")


@pytest.fixture
def five_faces(monkeypatch):
    found = stages.detect_faces
    monkeypatch.setattr(
        stages, "detect_faces", lambda net, thumbs: [5 * faces for faces in found(net, thumbs)]
    )


@pytest.mark.usefixtures("seeing", "five_faces")
def test_faces_beyond_the_most_are_counted(command, photo, tmp_path):
    result = command("run", photo(), "-o", tmp_path / "out", "--max-faces", 2)

    assert result.exit_code == 0, result.stderr
    assert "photo.png: 3 more faces were left as they are" in result.stderr


@pytest.mark.usefixtures("seeing", "five_faces")
@pytest.mark.parametrize("words", [(), ("--max-faces", 2, "--faces", "largest")])
def test_faces_that_nobody_asked_for_are_not_counted(command, photo, tmp_path, words):
    result = command("run", photo(), "-o", tmp_path / "out", *words)

    assert result.exit_code == 0, result.stderr
    assert "more face" not in result.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [((), ("mesh", "feather")), (("--warp", "2d", "--blend", "poisson"), ("2d", "poisson"))],
)
def test_a_reference_is_laid_on_and_joined_as_asked(
    command, photo, tmp_path, monkeypatch, words, expected
):
    seen, swap_face = [], stages.swap_face

    def noted(*parts):
        seen.append(parts[-2:])
        return swap_face(*parts)

    monkeypatch.setattr(stages, "swap_face", noted)
    me = photo("me.png", masked=False)

    result = command("run", photo(), "-o", tmp_path / "out", "--reference", me, *words)

    assert result.exit_code == 0, result.stderr
    assert seen == [expected]
