"""YAML in which no mapping has a key twice: PyYAML itself silently takes the last one."""

from typing import Any

import yaml


def load_yaml(text: str) -> Any:
    """The text's content, as `yaml.safe_load` reads it.

    Raises:
        yaml.YAMLError: it isn't YAML, or a mapping has a key twice.
    """
    return yaml.load(text, _UniqueKeyLoader)


class _UniqueKeyLoader(yaml.SafeLoader):
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
