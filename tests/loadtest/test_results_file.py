import json
import math
import re

from loadtest import results_file
from loadtest.results_file import publish, table, write_json, write_section


def test_a_section_takes_the_place_of_its_older_self_and_of_no_other(tmp_path):
    path = tmp_path / "RESULTS.md"
    write_section("bench", "old bench", path)
    write_section("chaos", "chaos \\1", path)
    write_section("bench", "new bench", path)
    text = path.read_text()

    assert "old bench" not in text
    assert text.index("new bench") < text.index("chaos \\1")
    assert text.startswith("# What was measured")


def test_a_table_has_a_line_between_head_and_rows():
    assert table(["what", "ms"], [["a", "1"]]) == "| what | ms |\n| --- | ---: |\n| a | 1 |"


def test_a_run_that_is_published_takes_the_place_of_the_last_one(tmp_path, monkeypatch):
    monkeypatch.setattr(results_file, "FOLDER", tmp_path)
    monkeypatch.setattr(results_file, "RESULTS", tmp_path / "RESULTS.md")
    write_section("bench", "old", tmp_path / "RESULTS.md")

    publish("bench", "new", lambda folder: (folder / "bench.json").write_text("{}"))

    assert "new" in (tmp_path / "RESULTS.md").read_text()
    assert "old" not in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "bench.json").exists()


def test_what_json_lacks_is_null_wherever_it_stands(tmp_path):
    path = tmp_path / "results" / "bench.json"
    write_json(path, {"a": [1.5, math.nan], "b": (math.inf, {"c": -math.inf}), "d": None})

    assert json.loads(path.read_text()) == {"a": [1.5, None], "b": [None, {"c": None}], "d": None}
    assert list(path.parent.iterdir()) == [path]  # no half of a file


def test_the_first_row_says_of_the_bench_what_its_section_says():
    text = results_file.RESULTS.read_text()
    (row,) = re.findall(r"^\| \[Bench\].*", text, re.MULTILINE)
    section = text.partition("<!-- bench -->")[2].partition("<!-- end of bench -->")[0]
    verdicts = re.findall(r"\| (met|missed|not measured) \|$", section, re.MULTILINE)

    assert f"{verdicts.count('met')} of {len(verdicts)} goals met" in row
    if "### Disturbed" in section:
        assert not re.search(r"\b(no|none|without)\b[^.;|]*\bdisturbed", row)
