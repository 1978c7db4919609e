import json
import shutil

from loadtest.chaos import update
from loadtest.chaos.update import WEIGHTS, make_other_weights


def test_the_other_weights_have_another_version_and_another_generator_only(tmp_path, monkeypatch):
    with_fan = tmp_path / "with_fan"
    shutil.copytree(WEIGHTS, with_fan)
    (with_fan / "fan").mkdir(exist_ok=True)  # `mask2face weights` may have put FAN's there
    monkeypatch.setattr(update, "WEIGHTS", with_fan)

    other = make_other_weights(tmp_path)
    ours, theirs = (json.loads((one / "manifest.json").read_text()) for one in (WEIGHTS, other))
    changed = {
        name
        for name, entry in ours["nets"].items()
        if entry["sha256"] != theirs["nets"][name]["sha256"]
    }

    assert ours["version"] != theirs["version"]
    assert changed == {"inpaint"}
