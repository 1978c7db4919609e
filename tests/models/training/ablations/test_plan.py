from pathlib import Path

import pytest

from models.training.ablations.plan import merged, read_tables

PLAN = Path(__file__).parents[4] / "configs" / "train" / "ablations.yaml"
TABLES = {
    "detector-batch",
    "editor-batch",
    "epochs",
    "loss",
    "discriminators",
    "people",
    "faces-per-kind",
    "real-masks",
    "guide",
}


def write(tmp_path, table, base="{task: {batch_size: 8, size: 128}}"):
    path = tmp_path / "plan.yaml"
    path.write_text(f"bases: {{inpaint: {base}}}\ntables: {{one: {table}}}\n")
    return path


def test_the_plan_that_ships_has_every_table():
    assert set(read_tables(PLAN)) == TABLES


def test_a_row_changes_its_base_in_nested_settings_too(tmp_path):
    table = "{title: T, net: inpaint, rows: {a: {task: {batch_size: 2}}, b: }}"

    rows = read_tables(write(tmp_path, table))["one"].rows

    assert rows["a"]["task"] == {"batch_size": 2, "size": 128}
    assert rows["b"]["task"] == {"batch_size": 8, "size": 128}


def test_merging_leaves_the_base_as_it_was():
    base = {"task": {"a": 1}}
    merged(base, {"task": {"a": 2}})["task"]["b"] = 3

    assert base == {"task": {"a": 1}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("{title: T, net: inpaint, rowz: {}}", "rowz"),
        ("{title: T, net: inpaint, rows: {a: {colour: red}}}", "colour"),
        ("{title: T, net: inpaint, rows: {a: {start: inpaint.safetensors}}}", "start"),
        ("{title: T, net: swap, rows: {}}", "net must be"),
    ],
)
def test_a_mistake_in_a_plan_is_named(tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        read_tables(write(tmp_path, table))
