"""The graph: which deployment calls which."""

# mypy: disable-error-code="attr-defined, no-any-return"
# (mypy can't see that `serve.deployment` adds `bind`.)

from ray.serve import Application

from serve_graph.face_cropper import FaceCropper
from serve_graph.face_swapper import FaceSwapper
from serve_graph.ingress import Ingress
from serve_graph.inpainter import Inpainter
from serve_graph.mask_detector import MaskDetector
from serve_graph.settings import GraphArgs


def build(args: GraphArgs) -> Application:
    """Binds the deployments for Serve; replicas and limits are in configs/*.yaml.

    Args:
        args: `args` of the YAML.
    """
    if args.shape == "fused":
        return Ingress.bind(args)
    nets = (args.weights_folder, args.device, args.threads)
    return Ingress.bind(
        args,
        FaceCropper.bind(*nets),
        MaskDetector.bind(*nets),
        Inpainter.bind(*nets, args.fan_folder),
        FaceSwapper.bind(args.warp, args.blend, args.threads),
    )
