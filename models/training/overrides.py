"""Single values that replace those of a recipe, such as `schedule.steps=100`."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import yaml


def override(config: Any, overrides: Sequence[str]) -> Any:
    """A copy of a recipe with these values in it; of two for a key, the later one counts.

    Args:
        config: what its YAML says.
        overrides: each `KEY=VALUE`. Dots in KEY lead into mappings, which are made where they are
            missing. VALUE is YAML.

    Raises:
        ValueError: one isn't of this form, or leads into something else than a mapping. Keys and
            values are left to `check_recipe`.
    """
    config = deepcopy(config)
    for words in overrides:
        key, equals, value = words.partition("=")
        if not equals:
            raise ValueError(f"'{words}' sets nothing: write KEY=VALUE, as in schedule.steps=100")
        *way, last = key.split(".")
        place = config
        for name in way:
            place = place.setdefault(name, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise ValueError(f"'{words}' sets nothing: what is before '{last}' holds no keys")
        place[last] = yaml.safe_load(value)
    return config
