"""docs/settings.md lists each setting with its default and range, and no others."""

import re

import pytest
import yaml
from pydantic import TypeAdapter
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import (
    DeploymentSchema,
    HTTPOptionsSchema,
    LoggingConfig,
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from models.photo.header import Limits
from serve_graph import PROJECT
from serve_graph.checks import find_problems
from serve_graph.flags import BINARY, WRAPPED, read_flags
from serve_graph.settings import ApiSettings, Batching, GraphArgs

DOC = (PROJECT / "docs" / "settings.md").read_text()
SHIPPED = ("laptop", "fused", "gpu")
OURS = {
    "`args`": GraphArgs,
    "`args.api`": ApiSettings,
    "`args.api.limits`": Limits,
    "`user_config`": Batching,
}
SERVES = {
    "": ServeDeploySchema,
    "http_options": HTTPOptionsSchema,
    "logging_config": LoggingConfig,
    "applications": ServeApplicationSchema,
    "deployments": DeploymentSchema,
    "ray_actor_options": RayActorOptionsSchema,
    "autoscaling_config": AutoscalingConfig,
}
ELSEWHERE = ("args", "user_config")  # in their own tables
SEE_BELOW = "see below"


def section(title):
    """The text below a second-level heading."""
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOC, re.M | re.S)
    return text


def rows(title):
    """The table rows by the name in backticks at their start: their other cells."""
    found = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", section(title), re.MULTILINE)
    names = [name for name, _ in found]
    assert len(names) == len(set(names))
    return {name: rest.split(" | ") for name, rest in found}


def schema_of(model):
    return TypeAdapter(model).json_schema()["properties"]


def range_of(schema):
    """What the table says about a field's values; None if the type says it all."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "boolean":
        return "`true`, `false`"
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    if "maximum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{schema['minimum']} or more"
    if "exclusiveMinimum" in schema:
        above = schema["exclusiveMinimum"]
        return f"{above + 1} or more" if schema["type"] == "integer" else f"over {above}"
    return None


@pytest.mark.parametrize(("title", "model"), OURS.items(), ids=OURS)
def test_the_table_has_each_setting_and_nothing_else(title, model):
    assert list(rows(title)) == list(schema_of(model))


@pytest.mark.parametrize(("title", "model"), OURS.items(), ids=OURS)
def test_the_table_has_the_defaults(title, model):
    defaults = TypeAdapter(model).dump_python(model(), mode="json")
    told = {name: cells[0] for name, cells in rows(title).items()}
    nested = {name for name, text in told.items() if text == SEE_BELOW}

    assert nested == {name for name, value in defaults.items() if isinstance(value, dict)}
    for name in told.keys() - nested:
        assert yaml.safe_load(told[name].strip("`")) == defaults[name], name


@pytest.mark.parametrize(("title", "model"), OURS.items(), ids=OURS)
def test_the_table_has_the_ranges(title, model):
    told = rows(title)
    for name, schema in schema_of(model).items():
        expected = range_of(schema)
        assert expected in (None, told[name][1]), name


def keys_in(content, inside=""):
    """Serve's keys in a config, each prefixed with its section and a dot."""
    for key, value in content.items():
        if key in SERVES:
            for item in value if isinstance(value, list) else [value]:
                yield from keys_in(item, key)
        elif key not in ELSEWHERE:
            yield f"{inside}.{key}".lstrip(".")


@pytest.mark.parametrize("name", SHIPPED)
def test_each_key_of_the_shipped_files_is_told(name):
    content = yaml.safe_load((PROJECT / "configs" / f"{name}.yaml").read_text())

    assert set(keys_in(content)) <= rows("Serve's keys").keys()


def test_serve_knows_each_key_that_is_told():
    for name in rows("Serve's keys"):
        inside, _, key = name.rpartition(".")
        assert key in SERVES[inside].model_fields, name


def test_each_flag_is_told_with_its_value():
    told = {name: cells[0].strip("`") for name, cells in rows("The environment").items()}
    ours = read_flags()

    assert {name: told[name] for name in told.keys() & ours.keys()} == ours
    assert {BINARY, WRAPPED} <= told.keys()


def test_the_example_can_be_served(tiny_weights):
    (example,) = re.findall(r"^```yaml\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    content = yaml.safe_load(example)
    content["applications"][0]["args"]["weights"] = str(tiny_weights)

    assert find_problems(content) == []
