import dataclasses
import os

import pytest
import torch
from safetensors.torch import save_file

from models import checkpoint
from models.checkpoint import (
    Entry,
    Manifest,
    file_sha256,
    load_manifest,
    load_net,
    save_manifest,
    save_net,
)
from models.errors import WeightsError
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig

SMALL = UNetConfig(width=4, depth=2, max_width=8)


@pytest.fixture
def folder(tmp_path):
    save_net(tmp_path / "mask.safetensors", UNet(SMALL), SMALL)
    path = tmp_path / "mask.safetensors"
    entry = Entry(path.name, file_sha256(path), path.stat().st_size, "any", "not at all")
    save_manifest(Manifest(tmp_path, "1", {"mask": entry}))
    return tmp_path


def test_a_loaded_net_answers_as_the_saved_one(tmp_path):
    net = UNet(SMALL).eval()
    # Weights are stored as float16: round first, so that equal means equal.
    net.load_state_dict(
        {k: v.half().float() if v.ndim > 1 else v for k, v in net.state_dict().items()}
    )
    save_net(tmp_path / "net.safetensors", net, SMALL)

    loaded = load_net(tmp_path / "net.safetensors", UNet, UNetConfig)

    face = torch.randn(1, 3, 32, 32)
    assert loaded.config == SMALL
    torch.testing.assert_close(loaded(face)[0], net(face)[0])


def test_a_config_with_tuples_comes_back_equal(tmp_path):
    config = LandmarkConfig(widths=(4, 8), blocks=(1, 1), features=8)
    save_net(tmp_path / "net.safetensors", LandmarkNet(config), config)

    assert load_net(tmp_path / "net.safetensors", LandmarkNet, LandmarkConfig).config == config


def test_a_saved_net_can_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        save_net(tmp_path / "net.safetensors", UNet(SMALL), SMALL)
    finally:
        os.umask(before)

    assert (tmp_path / "net.safetensors").stat().st_mode & 0o777 == 0o640


def test_the_manifest_survives_saving(folder):
    manifest = load_manifest(folder)

    assert manifest.version == "1"
    assert manifest.path("mask") == folder / "mask.safetensors"


def test_a_changed_file_is_refused(folder):
    path = folder / "mask.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(WeightsError, match="sha256"):
        load_manifest(folder).path("mask")


def test_a_file_of_another_size_is_refused_unread(folder, monkeypatch):
    path = folder / "mask.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(checkpoint, "file_sha256", lambda _: pytest.fail("it was read"))

    with pytest.raises(WeightsError, match="size differs"):
        load_manifest(folder).path("mask")


def test_a_file_of_another_size_than_pinned_is_refused_whatever_its_hash(folder):
    manifest = load_manifest(folder)
    entry = dataclasses.replace(manifest.entries["mask"], size=1)

    with pytest.raises(WeightsError, match="size differs"):
        dataclasses.replace(manifest, entries={"mask": entry}).path("mask")


def test_a_missing_file_is_named(folder):
    (folder / "mask.safetensors").unlink()

    with pytest.raises(WeightsError, match=r"mask\.safetensors is missing"):
        load_manifest(folder).path("mask")


def test_an_unknown_net_is_named(folder):
    with pytest.raises(WeightsError, match="no entry 'nose'"):
        load_manifest(folder).path("nose")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 1, "nets": []}',
        '{"version": 1, "nets": {"a": {}}}',
        '{"version": 1, "nets": {"a": null}}',
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)

    with pytest.raises(WeightsError, match="not a weights manifest"):
        load_manifest(tmp_path)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="missing"):
        load_manifest(tmp_path)


def test_weights_of_another_net_are_refused(folder):
    with pytest.raises(WeightsError, match="LandmarkNet"):
        load_net(folder / "mask.safetensors", LandmarkNet, LandmarkConfig)


def test_an_error_about_other_weights_lists_no_tensors(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"config": "{}"})

    with pytest.raises(
        WeightsError, match=r"doesn't hold a UNet: it is another net \([\w.]+\)\. Restore it"
    ):
        load_net(path, UNet, UNetConfig)


def test_a_manifest_that_cannot_be_written_leaves_the_one_before(folder, monkeypatch):
    def full(path, _):
        path.write_bytes(b"{")
        raise OSError("no space left")

    before = load_manifest(folder)
    monkeypatch.setattr("pathlib.Path.write_text", full)

    with pytest.raises(OSError, match="no space"):
        save_manifest(Manifest(folder, "2", {}))
    assert load_manifest(folder) == before


@pytest.mark.parametrize("config", ["[]", "3", "null", "{", '{"width": "wide"}'])
def test_a_config_that_is_none_is_refused(tmp_path, config):
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"config": config})

    with pytest.raises(WeightsError, match="UNet"):
        load_net(path, UNet, UNetConfig)


def test_a_pickle_is_never_loaded(tmp_path):
    torch.save({"state": 1}, tmp_path / "net.safetensors")

    with pytest.raises(WeightsError):
        load_net(tmp_path / "net.safetensors", UNet, UNetConfig)


def test_entries_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Entry("a", "b", 1, "c", "d").file = "x"
