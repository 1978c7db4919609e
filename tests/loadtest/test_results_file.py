from loadtest.results_file import table, write_section


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
