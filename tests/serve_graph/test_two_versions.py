"""Two versions of the service side by side, as docs/cluster.md says."""

import copy
import re

import httpx
import pytest

from serve_graph import PROJECT, launch
from serve_graph.checks import find_problems
from serve_graph.config_file import read_config
from tests.portrait import crowd, to_jpeg
from tests.waiting import wait_for

GUIDE = (PROJECT / "docs" / "cluster.md").read_text()


def test_the_guides_second_application_can_be_served(tmp_path, tiny_weights):
    (block,) = re.findall(r"```yaml\n( *- name: next\n.*?)```", GUIDE, re.DOTALL)
    text = (PROJECT / "configs" / "laptop.yaml").read_text()
    for key in ("args", "deployments"):
        text = re.sub(rf"^    {key}:", f"    {key}: &{key}", text, flags=re.MULTILINE)
    path = tmp_path / "two.yaml"
    path.write_text(text + block.replace("weights-next", str(tiny_weights)))

    content = read_config(path)
    first, second = content["applications"]

    assert find_problems(content) == []
    assert second["deployments"] == first["deployments"]
    assert second["args"] == first["args"] | {"weights": str(tiny_weights)}


@pytest.mark.serve
def test_a_second_version_has_its_own_path_weights_and_numbers(service, tiny_weights):
    content = copy.deepcopy(service.content)
    second = copy.deepcopy(content["applications"][1])  # fused: a single process
    second |= {"name": "next", "route_prefix": "/next"}
    second["args"]["weights"] = str(tiny_weights)
    second["deployments"][0]["num_replicas"] = 1
    content["applications"].append(second)

    def version(path):
        return httpx.get(service.url + path).headers["X-Model-Version"]

    def calls():
        return service.count("mask2face_requests_total", application="next", route="/v1/faces")

    pids, shipped = service.pids("Ingress"), version("/healthz")
    launch.apply_config(content)
    try:
        assert (version("/healthz"), version("/next/healthz")) == (shipped, "tiny")
        assert service.pids("Ingress") == pids
        service.post("/next/v1/faces", to_jpeg(crowd())).raise_for_status()
        wait_for(calls)
    finally:
        launch.apply_config(service.content)
    wait_for(lambda: httpx.get(f"{service.url}/next/healthz").status_code == 404)
