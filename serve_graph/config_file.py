"""Reads config files; what they say is checked by `serve_graph.checks`."""

from pathlib import Path
from typing import Any

import yaml

from models.errors import Mask2FaceError
from serve_graph.flags import set_flags

_LOCALHOST = "127.0.0.1"  # Serve behind HAProxy would listen on all interfaces


class ConfigError(Mask2FaceError):
    """A config file can't be used; the message has one line per problem."""


def read_config(
    path: Path, host: str | None = None, port: int | None = None, device: str | None = None
) -> Any:
    """The content of a config file.

    Args:
        path: YAML of Serve's config, version 2.
        host: replaces http_options.host; if neither is given, it is 127.0.0.1.
        port: replaces http_options.port.
        device: replaces args.device.

    Raises:
        ConfigError: it can't be read, or a mapping has a key twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: 2026-02-30
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        return content
    _set(content, "http_options", host=host, port=port)
    if content.get("http_options") is None:
        content["http_options"] = {}
    if isinstance(content["http_options"], dict):  # otherwise `find_problems` reports it
        content["http_options"].setdefault("host", _LOCALHOST)
    apps = content.get("applications")
    for app in apps if isinstance(apps, list) else ():
        _set(app, "args", device=device)
    return content


def load_config(
    path: Path,
    host: str | None = None,
    port: int | None = None,
    device: str | None = None,
    needs_gpu: bool = True,
) -> Any:
    """The content of a config file that can be served.

    Args:
        path, host, port, device: see `read_config`.
        needs_gpu: whether this machine must have the GPU that the config requires.

    Raises:
        ConfigError: it can't be read or served.
    """
    content = read_config(path, host, port, device)
    set_flags(http_port=_http_port(content))
    from serve_graph.checks import find_problems  # imports Ray, which reads the flags

    problems = find_problems(content, needs_gpu)
    if problems:
        lines = [f"{path}: {' '.join(problem.split())}" for problem in problems]
        raise ConfigError("\n".join(lines))
    return content


def _http_port(content: Any) -> Any:
    try:
        return content["http_options"].get("port")
    except (TypeError, KeyError, AttributeError):  # `find_problems` reports it
        return None


def _set(content: Any, section: str, **values: object) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    # Anything but a mapping stays as it is: `find_problems` reports it.
    if given and isinstance(content, dict) and isinstance(content.setdefault(section, {}), dict):
        content[section] |= given


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a mapping that has a key twice: PyYAML itself silently takes the last one."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                both = f"in line {lines[name]} and in line {line}"
                raise yaml.MarkedYAMLError(
                    problem=f"'{key.value}' appears twice, {both}: merge them into one."
                )
            lines[name] = line
        return node
