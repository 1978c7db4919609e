import pytest

from models.training import curves
from models.training.curves import draw_curves, main, read_curves
from models.training.log import append_row


def row(step, rate, **losses):
    return {"step": step, "images_per_s": rate, "step_s": 0.5, "data_share": 0.1, **losses}


@pytest.fixture
def log(tmp_path):
    append_row(tmp_path / "log.csv", row(10, 16.0, l1=0.5))
    append_row(tmp_path / "log.csv", row(20, 32.0, l1=0.4, region=1.9))
    return tmp_path / "log.csv"


def test_losses_and_throughput_lie_over_the_images_seen(log):
    curves = read_curves([log])

    assert curves["l1"] == ([80, 240], [0.5, 0.4])
    assert curves["images_per_s"] == ([80, 240], [16, 32])


def test_a_missing_log_is_named(tmp_path, capsys, monkeypatch):
    missing = tmp_path / "log.csv"
    monkeypatch.setattr("sys.argv", ["curves", str(missing), "-o", "out.svg"])

    with pytest.raises(SystemExit):
        main()

    assert f"No such file or directory: '{missing}'" in capsys.readouterr().err


def test_smaller_batches_add_to_the_images_seen_too(log):
    append_row(log, row(30, 4.0, l1=0.3))

    assert read_curves([log])["l1"][0] == [80, 240, 260]


def test_a_judge_that_joins_late_begins_late(log):
    assert read_curves([log])["region"] == ([240], [1.9])


def test_a_second_log_goes_on_where_the_first_one_ends(log):
    assert read_curves([log, log])["l1"][0] == [80, 240, 320, 480]


def test_a_log_without_rows_is_named(tmp_path):
    (tmp_path / "log.csv").write_text("step,l1\n")

    with pytest.raises(ValueError, match=r"log\.csv has no rows"):
        read_curves([tmp_path / "log.csv"])


def test_a_table_that_is_no_log_is_named(tmp_path):
    (tmp_path / "table.csv").write_text("step,l1\n10,0.5\n")

    with pytest.raises(ValueError, match=r"table\.csv has no column step_s"):
        read_curves([tmp_path / "table.csv"])


def test_the_folder_of_the_picture_is_made(log, tmp_path, monkeypatch):
    out = tmp_path / "new" / "curves.svg"
    monkeypatch.setattr("sys.argv", ["curves", str(log), "-o", str(out)])

    main()

    assert out.exists()


def test_there_is_a_panel_for_each_curve(log, tmp_path):
    draw_curves(read_curves([log]), tmp_path / "curves.svg")

    drawn = (tmp_path / "curves.svg").read_text()
    assert all(f"<!-- {name} -->" in drawn for name in ("l1", "region", "thousand images"))


def test_the_loss_on_held_out_faces_is_drawn_beside_that_of_training(log, tmp_path, monkeypatch):
    append_row(log, row(30, 16.0, l1=0.3, val_l1=0.6))
    append_row(log, row(40, 16.0, l1=0.2, val_l1=0.7))
    figures, make = [], curves.Figure
    monkeypatch.setattr(curves, "Figure", lambda **how: figures.append(make(**how)) or figures[-1])

    draw_curves(read_curves([log]), tmp_path / "curves.svg")

    panels = {panel.get_title(): panel.get_lines() for panel in figures[0].axes}
    assert set(panels) == {"images_per_s", "l1", "region"}
    drawn = {line.get_label(): line.get_ydata().tolist() for line in panels["l1"]}
    assert drawn == {"l1": [0.5, 0.4, 0.3, 0.2], "val_l1": [0.6, 0.7]}
