"""What a config file holds once it is read."""

import pytest

from serve_graph import PROJECT, config_file
from serve_graph.config_file import ConfigError, load_config, read_config


@pytest.mark.parametrize(
    "content", [b"applications: [", "# Café".encode("latin-1"), b"name: 2026-02-30"]
)
def test_what_is_no_yaml_in_utf8_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"^\S+/broken\.yaml: .+$"):
        read_config(path)


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("args:\n  api: {max_requests: 9}\n  device: cpu\n  api: {max_faces: 3}\n")

    with pytest.raises(ConfigError, match="'api' appears twice, in line 2 and in line 4"):
        read_config(path)


def test_a_key_may_override_one_that_is_merged_in(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text(
        "one: &one {quality: 1, faces: 2}\n"
        "two: &two {<<: *one, faces: 3}\n"
        "three: {<<: *two, quality: 4}\n"
    )

    content = read_config(path)

    assert content["two"] == {"quality": 1, "faces": 3}
    assert content["three"] == {"quality": 4, "faces": 3}


@pytest.mark.parametrize("options", ["", "http_options:", "http_options: {port: 8123}"])
def test_without_a_host_the_service_is_for_this_machine_alone(tmp_path, options):
    path = tmp_path / "own.yaml"
    path.write_text(f"{options}\napplications: []")

    assert read_config(path)["http_options"]["host"] == "127.0.0.1"


def test_numbers_of_the_command_line_take_the_places_of_the_files():
    content = read_config(PROJECT / "configs" / "gpu.yaml", host="::1", port=9000, device="cpu")

    assert content["http_options"]["host"] == "::1"
    assert content["http_options"]["port"] == 9000
    assert content["applications"][0]["args"]["device"] == "cpu"


def test_the_flags_are_set_for_the_port_of_the_config(monkeypatch, tmp_path):
    ports = []
    monkeypatch.setattr(config_file, "set_flags", lambda http_port: ports.append(http_port))
    (tmp_path / "broken.yaml").write_text("http_options: [8000]")

    load_config(PROJECT / "configs" / "laptop.yaml", port=23_456)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "broken.yaml")

    assert ports == [23_456, None]
