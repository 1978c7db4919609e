"""What a config file may contain; the shipped ones are valid."""

import copy
import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from ray.serve._private.config import DeploymentConfig

from models.checkpoint import load_manifest, save_manifest
from serve_graph import PROJECT
from serve_graph.checks import DEPLOYMENTS, find_problems
from serve_graph.config_file import ConfigError, load_config, read_config
from serve_graph.flags import HAPROXY, SOCKET, haproxy_flags
from serve_graph.settings import UPLOADS_PER_PLACE, GraphArgs

CONFIGS = PROJECT / "configs"
SHIPPED = ("laptop", "fused", "gpu")


@pytest.fixture
def config(tiny_weights):
    content = read_config(CONFIGS / "laptop.yaml")
    content["applications"][0]["args"]["weights"] = str(tiny_weights)
    return content


def deployment(content, name):
    return next(one for one in content["applications"][0]["deployments"] if one["name"] == name)


def test_missing_weights_of_face_alignment_are_named(config, tmp_path):
    args = config["applications"][0]["args"]
    args |= {"landmarks": "face-alignment", "fan_weights": str(tmp_path)}

    (problem,) = find_problems(config)

    assert "args.fan_weights" in problem
    assert "2DFAN4-11f355bf06.pth.tar is missing" in problem


def test_a_good_config_has_no_problems(config):
    assert find_problems(config) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_are_in_order(name, tiny_weights):
    content = read_config(CONFIGS / f"{name}.yaml", device="cpu")
    content["applications"][0]["args"]["weights"] = str(tiny_weights)

    assert find_problems(content) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_answer_on_this_machine_only(name):
    assert read_config(CONFIGS / f"{name}.yaml")["http_options"]["host"] == "127.0.0.1"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_start_new_replicas_before_old_ones_end(name):
    (app,) = read_config(CONFIGS / f"{name}.yaml")["applications"]

    assert all(one["max_surge_percent"] > 0 for one in app["deployments"])


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_bound_the_queue_of_each_deployment(name):
    (app,) = read_config(CONFIGS / f"{name}.yaml")["applications"]
    bounds = {one["name"]: one["max_queued_requests"] for one in app["deployments"]}

    assert set(bounds) == set(DEPLOYMENTS[app["args"]["shape"]])
    assert min(bounds.values()) > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_the_doors_own_bound_comes_first(name):
    """The refusal then comes from our API, in its words, and not from Serve."""
    (app,) = read_config(CONFIGS / f"{name}.yaml")["applications"]
    args = GraphArgs.model_validate(app["args"])

    assert deployment({"applications": [app]}, "Ingress")["max_ongoing_requests"] > (
        (UPLOADS_PER_PLACE + 1) * args.api.max_requests
    )


@pytest.mark.parametrize(
    ("section", "key", "expected"),
    [
        ([], "aplications", "aplications: unknown key: did you mean 'applications'?"),
        (["http_options"], "prt", "http_options.prt: unknown key: did you mean 'port'?"),
        (["applications", 0], "argz", "argz: unknown key: did you mean 'args'?"),
        (["applications", 0, "args"], "devise", "args.devise: unknown key: did you mean 'device'?"),
        (
            ["applications", 0, "args", "api", "limits"],
            "max_byte",
            "args.api.limits.max_byte: unknown key: did you mean 'max_bytes'?",
        ),
        (
            ["applications", 0, "deployments", 3],
            "num_replica",
            "deployments.Inpainter.num_replica: unknown key: did you mean 'num_replicas'?",
        ),
        (
            ["applications", 0, "deployments", 3, "autoscaling_config"],
            "max_replica",
            "autoscaling_config.max_replica: unknown key: did you mean 'max_replicas'?",
        ),
        (
            ["applications", 0, "deployments", 3, "ray_actor_options"],
            "num_gpu",
            "ray_actor_options.num_gpu: unknown key: did you mean 'num_gpus'?",
        ),
        (
            ["applications", 0, "deployments", 3, "user_config"],
            "batch_size",
            "Inpainter.user_config.batch_size: unknown key: did you mean 'max_batch_size'?",
        ),
    ],
)
def test_a_misspelt_key_is_named_with_its_likely_meaning(config, section, key, expected):
    place = config
    for part in section:
        place = place[part] if isinstance(part, int) else place.setdefault(part, {})
    place[key] = 1

    (problem,) = find_problems(config)

    assert problem.endswith(expected)


def test_an_unknown_deployment_is_refused(config):
    deployment(config, "Inpainter")["name"] = "Inpanter"

    assert find_problems(config) == [
        "applications.mask2face.deployments.Inpanter: the split graph has no such deployment: "
        "did you mean 'Inpainter'?"
    ]


def test_the_fused_graph_has_no_stage_deployments(config):
    config["applications"][0]["args"]["shape"] = "fused"

    problems = find_problems(config)

    assert len(problems) == len(DEPLOYMENTS["split"]) - len(DEPLOYMENTS["fused"])
    assert all("the fused graph has no such deployment" in line for line in problems)


def test_two_deployments_of_one_name_are_refused(config):
    config["applications"][0]["deployments"].append({"name": "Inpainter", "num_replicas": 2})

    assert find_problems(config) == [
        "applications.mask2face.deployments.Inpainter: there are 2 of this name: "
        "merge them into one."
    ]


@pytest.mark.parametrize("item", [None, "Inpainter", 5, []])
def test_a_list_item_without_keys_is_named(config, item):
    config["applications"][0]["deployments"].append(item)
    assert find_problems(config) == [
        "applications.mask2face.deployments.5: it has no keys: "
        "write them after the '-', or leave it out."
    ]
    config["applications"] = [item]
    assert [line.partition(":")[0] for line in find_problems(config)] == ["applications.0"]


def test_a_wrong_value_is_named(config):
    deployment(config, "Inpainter")["max_queued_requests"] = "many"

    (problem,) = find_problems(config)

    assert problem.startswith("applications.mask2face.deployments.Inpainter.max_queued_requests: ")


def test_a_batch_that_would_never_get_full_is_refused(config):
    deployment(config, "Inpainter")["user_config"]["max_batch_size"] = 9

    (problem,) = find_problems(config)

    assert "max_batch_size: larger than max_ongoing_requests, 8" in problem


def test_an_update_that_would_cut_answers_off_is_refused(config):
    deployment(config, "Ingress")["graceful_shutdown_timeout_s"] = 420
    assert find_problems(config) == []
    deployment(config, "Ingress")["graceful_shutdown_timeout_s"] = 419

    (problem,) = find_problems(config)

    assert "deployments.Ingress.graceful_shutdown_timeout_s: 419" in problem
    assert "args.api.max_timeout_s, 120, and its client 300 s to read the answer" in problem
    assert "set 420 or more" in problem


def test_serve_may_not_refuse_before_the_api_does(config):
    ingress = deployment(config, "Ingress")
    config["applications"][0]["args"]["api"]["max_requests"] = 9
    ingress["max_ongoing_requests"] = 28
    assert find_problems(config) == []
    ingress["max_ongoing_requests"] = 27

    (problem,) = find_problems(config)

    assert "deployments.Ingress.max_ongoing_requests: 27" in problem
    assert "set 28 or more" in problem


@pytest.mark.parametrize("prefix", ["unmask", "", None])
def test_a_prefix_starts_with_a_slash(config, prefix):
    config["applications"][0]["route_prefix"] = prefix

    (problem,) = find_problems(config)

    assert problem.endswith(f"route_prefix: {prefix}: it must start with a slash.")


def test_without_numbers_of_ingress_serves_own_count(config):
    ingress = deployment(config, "Ingress")
    del ingress["max_ongoing_requests"], ingress["graceful_shutdown_timeout_s"]
    serves = DeploymentConfig()

    shutdown, ongoing = find_problems(config)

    assert f"timeout_s: {serves.graceful_shutdown_timeout_s:g}, " in shutdown
    assert f"max_ongoing_requests: {serves.max_ongoing_requests}, " in ongoing


def test_a_number_in_quotes_counts_as_one(config):
    deployment(config, "Inpainter")["max_ongoing_requests"] = "8"

    assert find_problems(config) == []


def test_another_graph_is_refused(config):
    config["applications"][0]["import_path"] = "serve_graph.ap:build"

    (problem,) = find_problems(config)

    assert problem.endswith("import_path: serve_graph.ap:build: it must be serve_graph.app:build.")


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ({"min_replicas": 5, "max_replicas": 2}, "max_replicas (2) must be greater than"),
        ({"max_replicas": "many"}, "autoscaling_config.max_replicas: Input should be a valid int"),
        (
            {"target_ongoing_requests": 0},
            "autoscaling_config.target_ongoing_requests: Input should",
        ),
    ],
)
def test_autoscaling_that_can_not_be_is_refused(config, scaling, expected):
    inpainter = deployment(config, "Inpainter")
    del inpainter["num_replicas"]
    inpainter["autoscaling_config"] = scaling

    (problem,) = find_problems(config)

    assert "deployments.Inpainter.autoscaling_config" in problem
    assert expected in problem


def test_only_stages_may_be_scaled_to_zero(config):
    for name in ("FaceSwapper", "Ingress"):
        one = deployment(config, name)
        del one["num_replicas"]
        one["autoscaling_config"] = {"min_replicas": 0}

    assert find_problems(config) == [
        "applications.mask2face.deployments.Ingress.autoscaling_config.min_replicas: 0, "
        "but one must be there to take requests in: set 1 or more."
    ]


def test_serves_own_numbers_count_where_replicas_are_auto(config):
    inpainter = deployment(config, "Inpainter")
    inpainter |= {"num_replicas": "auto", "autoscaling_config": {"min_replicas": 5}}

    assert find_problems(config) == []


def test_a_wrong_value_inside_args_is_named(config):
    config["applications"][0]["args"]["api"]["limits"] = {"max_side": -5}

    assert find_problems(config) == [
        "applications.mask2face.args.api.limits: max_side: -5: it must be 1 or more"
    ]


def test_a_user_config_for_a_stage_without_batches_is_refused(config):
    deployment(config, "FaceSwapper")["user_config"] = {"max_batch_size": 2}

    (problem,) = find_problems(config)

    assert problem.endswith("FaceSwapper takes no user_config.")


def test_an_empty_user_config_is_refused(config):
    deployment(config, "Inpainter")["user_config"] = None

    (problem,) = find_problems(config)

    assert "deployments.Inpainter.user_config: it is empty" in problem


def test_cuda_without_a_gpu_is_refused(config, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config["applications"][0]["args"]["device"] = "cuda"

    (problem,) = find_problems(config)

    assert "args.device: cuda, but torch finds no CUDA here" in problem


def test_a_gpu_may_be_missing_where_only_the_cluster_needs_it(config, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config["applications"][0]["args"]["device"] = "cuda"

    assert find_problems(config, needs_gpu=False) == []


def test_a_port_that_there_can_not_be_is_refused(config):
    config["http_options"]["port"] = 99_999

    assert find_problems(config) == ["http_options.port: 99999: a port is 1 to 65535."]


@pytest.mark.parametrize(("is_on", "count"), [("1", 2), ("0", 0)])
def test_tls_is_refused_where_haproxy_would_leave_it_out(config, monkeypatch, is_on, count):
    monkeypatch.setenv(HAPROXY, is_on)
    config["http_options"] |= {"ssl_certfile": "cert.pem", "ssl_keyfile": "key.pem"}

    problems = find_problems(config)

    assert len(problems) == count
    assert all("put a proxy with TLS in front of the service" in line for line in problems)


def test_the_guide_for_clusters_moves_each_file_of_haproxy():
    guide = (PROJECT / "docs" / "cluster.md").read_text()
    files = re.findall(r"^export (\w+)=\$door/?([\w.-]*)$", guide, re.MULTILINE)

    flags = haproxy_flags({})
    folder = Path(flags[SOCKET]).parent

    assert {name: str(folder / file) for name, file in files} == {
        name: value for name, value in flags.items() if value.startswith(str(folder))
    }


def test_a_config_without_applications_is_refused(config):
    config["applications"] = []

    (problem,) = find_problems(config)

    assert problem.startswith("applications: there is none")


def test_changed_weights_are_refused(config, tiny_weights, tmp_path):
    manifest = load_manifest(tiny_weights)
    wrong = dataclasses.replace(manifest.entries["mask"], sha256="0" * 64)
    for entry in manifest.entries.values():
        (tmp_path / entry.file).write_bytes((tiny_weights / entry.file).read_bytes())
    entries = manifest.entries | {"mask": wrong}
    save_manifest(dataclasses.replace(manifest, folder=tmp_path, entries=entries))
    config["applications"][0]["args"]["weights"] = str(tmp_path)

    (problem,) = find_problems(config)

    assert "mask.safetensors is not the file that the manifest pins" in problem


@pytest.mark.parametrize("content", [None, [], "text", {"applications": "none"}, {}])
def test_what_is_no_config_is_refused(content):
    assert find_problems(copy.deepcopy(content))


def test_each_line_names_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"aplications": []}))

    with pytest.raises(ConfigError) as refused:
        load_config(path)

    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}: aplications: unknown key")
