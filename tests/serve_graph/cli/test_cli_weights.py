import json
import shutil


def test_verify_prints_each_net_with_its_cost(command):
    result = command("weights", "verify")

    assert result.exit_code == 0, result.stderr
    lines = {line.split()[1]: line for line in result.stdout.splitlines() if "ok" in line}
    assert set(lines) == {"crop", "mask", "landmarks", "inpaint", "a"}


def test_verify_names_a_tampered_file(command, tiny_weights, tmp_path):
    weights = shutil.copytree(tiny_weights, tmp_path / "weights")
    data = bytearray((weights / "mask.safetensors").read_bytes())
    data[-1] ^= 1
    (weights / "mask.safetensors").write_bytes(data)

    result = command("weights", "verify", weights=weights)

    assert result.exit_code == 1
    assert "mask.safetensors is not the file that the manifest pins" in result.stderr
    assert result.stdout.count("ok") == 4


def test_verify_refuses_a_net_over_its_budget(command, monkeypatch):
    monkeypatch.setattr("models.nets.budgets.FACE_BUDGET_GMAC", 1e-6)

    result = command("weights", "verify")

    assert result.exit_code == 1
    assert "a face takes" in result.stderr


def test_pin_adds_a_net_and_gives_a_new_version(command, tiny_weights, tmp_path):
    weights = tmp_path / "weights"
    versions = []
    for name in ("mask", "crop"):
        file = tiny_weights / f"{name}.safetensors"
        result = command("weights", "pin", name, file, "--trained", "never", weights=weights)
        assert result.exit_code == 0, result.stderr
        assert not versions or f"before {versions[0]}" in result.stdout.replace("\n", "")
        versions.append(json.loads((weights / "manifest.json").read_text())["version"])

    nets = json.loads((weights / "manifest.json").read_text())["nets"]
    assert set(nets) == {"mask", "crop"}
    assert nets["mask"]["trained"] == "never"
    assert versions[0] != versions[1]


def test_pin_refuses_the_file_of_another_net(command, tiny_weights, tmp_path):
    file = tiny_weights / "mask.safetensors"

    result = command("weights", "pin", "crop", file, "--trained", "x", weights=tmp_path / "new")

    assert result.exit_code == 1
    assert "doesn't hold a FaceDetector: it is another net (" in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_copy_cut_off_leaves_the_pinned_file(command, tiny_weights, tmp_path, monkeypatch):
    def full(_, to):
        to.write_bytes(b"half")
        raise OSError("no space left")

    weights = shutil.copytree(tiny_weights, tmp_path / "weights")
    file = tiny_weights / "mask.safetensors"
    monkeypatch.setattr("serve_graph.cli.weights.shutil.copyfile", full)

    result = command("weights", "pin", "mask", file, "--trained", "x", weights=weights)

    assert result.exit_code == 1
    assert (weights / "mask.safetensors").read_bytes() == file.read_bytes()
