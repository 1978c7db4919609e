from pathlib import Path

import pytest

from models.training.ablations.__main__ import main
from models.training.ablations.plan import merged, read_tables
from models.training.settings import ConfigError

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
TASK = "task: {batch_size: 8, size: 128}"
BASE = f"{{device: cpu, sources: [a], schedule: {{learning_rate: 0.1}}, {TASK}}}"


def rows(text):
    """A one-row table, as YAML."""
    return f"{{title: T, net: inpaint, rows: {{a: {text}}}}}"


def write(tmp_path, table, base=BASE):
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
        (rows("{colour: red}"), "row a of table one has no key .*colour"),
        (rows("{start: inpaint.safetensors}"), "start"),
        (rows("{schedule: {steps: 9}}"), "row a of table one: schedule has no key .*steps"),
        (rows("{schedule: {workers: 2}}"), "schedule has no key .*workers"),
        (rows("{schedule: {log_every: 9, save_every: 9}}"), "no key .*log_every.*save_every"),
        ("{title: T, net: swap, rows: {}}", "net must be"),
        ("{title: T, net: mask, rows: {a: }}", "bases needs mask"),
        ("{title: T, net: inpaint}", "table one needs rows"),
        ("{net: inpaint, rows: {a: }}", "table one needs title"),
        ("{title: 1, net: inpaint, rows: {a: }}", "table one: title is 1: it must be text"),
        ("{title: T, net: [mask], rows: {a: }}", "net is .*: it must be text"),
        ("{title: T, net: inpaint, rows: {a: }, tests: {b: c}}", "tests: b is 'c': .* a list"),
        ("{title: T, net: inpaint, rows: {a: }, tests: all}", "tests is 'all': .* a mapping"),
        ("mine", "table one is 'mine': it must be a mapping"),
        (rows("9"), "table one: rows: a is 9: it must be a mapping"),
        (rows("{faces: many}"), "row a of table one: faces is 'many': it must be a whole number"),
        (rows("{sources: []}"), "row a of table one needs sources"),
        (rows("{task: {batch_size: two}}"), "row a of table one: task: batch_size is 'two'"),
        (rows("{net: {width: big}}"), "row a of table one: net: width is 'big'"),
    ],
)
def test_a_mistake_in_a_plan_is_named(tmp_path, table, message):
    with pytest.raises(ConfigError, match=rf"plan\.yaml: .*{message}"):
        read_tables(write(tmp_path, table))


@pytest.mark.parametrize(
    ("needed", "instead"), [("learning_rate", "final_rate"), ("batch_size", "jitter")]
)
def test_what_each_row_needs_is_named(tmp_path, needed, instead):
    base = BASE.replace(needed, instead)

    with pytest.raises(ConfigError, match=f"row a of table one: .* needs {needed}"):
        read_tables(write(tmp_path, rows("{}"), base))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the plan is empty: it must be a mapping"),
        ("bases: [", "while parsing a flow node"),
        ("tables: {}", "the plan needs bases, tables"),
        ("bases: {judge: {}}\ntables: {one: }", "bases has no key ['judge']"),
        (f"bases: {{inpaint: {BASE}}}\ntables: {{one: {rows('{device: 1}')}}}", "row a of table"),
    ],
)
def test_a_mistake_in_a_plan_is_one_line_of_the_command(
    tmp_path, monkeypatch, capsys, content, words
):
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    given = [str(tmp_path), "--table", "one", "--plan", str(path)]
    monkeypatch.setattr("sys.argv", ["ablations", *given])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: {words}")
