"""The docs name the places that the shipped configs have."""

import re

import pytest
import yaml

from serve_graph import PROJECT

PATTERNS = {
    "troubleshooting.md": r"places: (?P<laptop_most>\d+) in `configs/laptop.yaml`, "
    r"(?P<laptop_standing>\d+) if a queue stays; (?P<fused_most>\d+) and (?P<fused_standing>\d+) "
    r"in each of the two replicas of `configs/fused.yaml`",
    "cluster.md": r"`max_requests`: one more than that \((?P<laptop_most>\d+), and "
    r"(?P<fused_most>\d+) in `fused`.*`max_standing`: a little less \((?P<laptop_standing>\d+) "
    r"and (?P<fused_standing>\d+)\)",
}


@pytest.mark.parametrize("doc", PATTERNS)
def test_the_places_are_those_of_the_configs(doc):
    told = re.search(PATTERNS[doc], " ".join((PROJECT / "docs" / doc).read_text().split()))

    for config in ("laptop", "fused"):
        (app,) = yaml.safe_load((PROJECT / f"configs/{config}.yaml").read_text())["applications"]
        settings = app["args"]["api"]
        assert int(told[f"{config}_most"]) == settings["max_requests"]
        assert int(told[f"{config}_standing"]) == settings["max_standing"]
