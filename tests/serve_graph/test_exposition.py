import pytest
from prometheus_client.parser import text_string_to_metric_families

from serve_graph.exposition import merge
from serve_graph.metrics import DECLARED

HEAD = """# HELP ray_mask2face_faces_total Faces.
# TYPE ray_mask2face_faces_total counter
ray_mask2face_faces_total{NodeAddress="a",outcome="bare"} 2.0
# HELP ray_node_mem Memory.
# TYPE ray_node_mem gauge
ray_node_mem{NodeAddress="a"} 5.0
"""
WORKER = """# HELP ray_node_mem Memory.
# TYPE ray_node_mem gauge
ray_node_mem{NodeAddress="b"} 7.0
# HELP ray_mask2face_faces_total Faces.
# TYPE ray_mask2face_faces_total counter
ray_mask2face_faces_total{NodeAddress="b",outcome="bare"} 3.0
"""


@pytest.fixture
def families():
    text = merge([HEAD, WORKER])
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_the_samples_of_all_nodes_are_together(families):
    assert [sample.value for sample in families["ray_node_mem"].samples] == [5.0, 7.0]


def test_our_names_are_without_rays_prefix(families):
    assert [sample.value for sample in families["mask2face_faces"].samples] == [2.0, 3.0]


def test_each_header_comes_once():
    assert merge([HEAD, WORKER]).count("# TYPE ray_node_mem") == 1


def test_a_counter_that_nothing_happened_to_is_zero(families):
    (sample,) = families["mask2face_rejected"].samples

    assert sample.value == 0


def test_all_of_ours_show_up_even_before_any_request():
    names = {family.name for family in text_string_to_metric_families(merge([""]))}

    assert names == {metric.name for metric in DECLARED}
