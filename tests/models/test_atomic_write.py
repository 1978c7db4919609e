import pytest

from models.atomic_write import atomic_write


def write_half(path):
    with atomic_write(path) as part:
        part.write_text("aft")
        raise OSError("disk full")


def test_a_block_that_fails_leaves_the_file_as_it_was_and_no_part_of_another(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    with pytest.raises(OSError, match="disk full"):
        write_half(path)

    assert [one.read_text() for one in tmp_path.iterdir()] == ["before"]
