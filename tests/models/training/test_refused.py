from models.training.refused import read_refused


def test_a_list_of_refused_faces_may_come_from_excel(tmp_path):
    path = tmp_path / "refused.csv"
    path.write_text("name,why\nworn/a.webp,label\n", encoding="utf-8-sig")

    assert read_refused(str(path)) == {"worn/a.webp"}
