"""`args` reach the deployments and, in a fused replica, its stages."""

import pytest

from serve_graph import ingress
from serve_graph.app import build
from serve_graph.settings import GraphArgs

REFERENCE = {"warp": "2d", "blend": "poisson"}


def bound(app):
    """Name and arguments of a deployment that was bound."""
    deployment = app._bound_deployment
    return deployment.name, deployment.init_args


@pytest.fixture
def parts():
    args = GraphArgs(shape="split", device="cuda", threads=3, **REFERENCE)
    return dict(bound(part) for part in bound(build(args))[1][1:])


def test_how_a_reference_is_laid_on_reaches_the_swapper(parts):
    assert parts["FaceSwapper"] == ("2d", "poisson", 3)


@pytest.mark.parametrize("name", ["FaceCropper", "MaskDetector", "Inpainter"])
def test_weights_device_and_threads_reach_each_deployment_with_a_net(parts, name):
    assert parts[name][:3] == (GraphArgs().weights_folder, "cuda", 3)


def test_the_fused_graph_is_the_ingress_alone():
    args = GraphArgs(shape="fused")

    assert bound(build(args)) == ("Ingress", (args,))


def test_how_a_reference_is_laid_on_reaches_a_fused_replicas_stages(monkeypatch):
    given = []
    monkeypatch.setattr(ingress, "load_models", lambda *_: "models")
    monkeypatch.setattr(ingress, "MeasuredStages", lambda *arguments: given.append(arguments))

    ingress._local(GraphArgs(shape="fused", workers=2, **REFERENCE), "recorder")

    assert given == [("models", "recorder", 2, "2d", "poisson")]
