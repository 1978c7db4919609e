import pytest
import torch

from models.training.checkpoints import CheckpointError
from models.training.loop import fit
from tests.models.training.test_loop import SCHEDULE, Line


def test_a_checkpoint_that_a_full_disk_cuts_off_is_told_in_a_line(tmp_path, monkeypatch):
    own, saved = torch.save, []

    def save(state, path):
        own(state, path)
        saved.append(state["step"])
        if saved[1:]:
            raise RuntimeError("[enforce fail] . unexpected pos 64 vs 0\nframe #0: ...")

    monkeypatch.setattr(torch, "save", save)

    with pytest.raises(CheckpointError, match=r"checkpoint\.pt can't be written") as error:
        fit(Line(), tmp_path, SCHEDULE)

    assert len(str(error.value).splitlines()) == 1
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == saved[0] == 4
    assert not list(tmp_path.glob("part.*"))


@pytest.mark.parametrize("kept", [0, 100, -40])
def test_a_damaged_checkpoint_is_named(tmp_path, kept):
    fit(Line(), tmp_path, SCHEDULE)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(
        CheckpointError, match=f"{path} can.t be read .*If it is damaged, remove it"
    ):
        fit(Line(), tmp_path, SCHEDULE)


@pytest.mark.parametrize("content", [b"hello", b"step 3\n"])
def test_a_checkpoint_that_is_none_is_named(tmp_path, content):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)

    with pytest.raises(
        CheckpointError, match=f"{path} can.t be read .*If it is damaged, remove it"
    ):
        fit(Line(), tmp_path, SCHEDULE)
