"""Writes a method of a net as an ONNX model, layer by layer, in some hundredths of a second.

PyTorch's own exporter takes 3 to 10 s for each net, too long for each start of a replica. This one
knows only the layers and functions that our nets have.
"""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import fx, nn

from models.nets.split_join import SplitJoin

_OPSET, _IR_VERSION = 17, 8  # read by all onnxruntimes since 1.12
_END = np.iinfo(np.int64).max  # of a slice: the last row or column
_SAME: dict[Any, str] = {  # functions that ONNX has too
    operator.add: "Add",
    operator.mul: "Mul",
    torch.relu: "Relu",
    torch.sigmoid: "Sigmoid",
}


def to_onnx(net: nn.Module, method: str) -> ModelProto:
    """Writes what a method does to pictures of any size and number.

    Args:
        net: in eval mode, float32, on the CPU.
        method: its name; it takes float32 tensors (B, C, H, W), and returns some of any shape.

    Returns:
        A model with the weights inside. Its inputs are named and ordered as the arguments.

    Raises:
        NotImplementedError: the method has a layer or function that isn't known here.
    """
    graph = _Steps(method).trace(net)
    writer = _Writer(fx.GraphModule(net, graph))
    names = [node.target for node in graph.nodes if node.op == "placeholder"]
    results = writer.run(*names)
    results = [results] if isinstance(results, str) else list(results)
    return writer.model(names, results)


class _Steps(fx.Tracer):
    """Lists the layers that a method calls."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.traced_func_name = method

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SplitJoin) or super().is_leaf_module(m, module_qualified_name)


class _Writer(fx.Interpreter):
    """Goes through the steps; in place of each value it hands on the name of the value in ONNX."""

    def __init__(self, steps: fx.GraphModule) -> None:
        super().__init__(steps)
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def model(self, inputs: list[str], results: list[str]) -> ModelProto:
        any_size = [None] * 4
        takes = [helper.make_tensor_value_info(x, TensorProto.FLOAT, any_size) for x in inputs]
        gives = [helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in results]
        graph = helper.make_graph(self._nodes, "part", takes, gives, self._constants)
        opsets = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def call_module(
        self,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],  # noqa: ARG002
    ) -> str:
        match self.fetch_attr(target):
            case nn.Conv2d() as conv:
                return self._conv(conv, *args)
            case nn.Linear() as linear:
                weights = self._constant(linear.weight), self._constant(linear.bias)
                return self._add("Gemm", *args, *weights, transB=1)
            case SplitJoin() as join:
                return self._join(join, *args)
            case nn.Identity():
                return str(args[0])
            case nn.SiLU():
                return self._silu(*args)
            case nn.ReLU():
                return self._add("Relu", *args)
            case nn.PixelShuffle() as shuffle:
                return self._add(
                    "DepthToSpace", *args, blocksize=shuffle.upscale_factor, mode="CRD"
                )
            case other:
                raise NotImplementedError(f"Layer {other} can't be written as ONNX yet.")

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if target in _SAME:
            return self._add(_SAME[target], *args)
        if target is nn.functional.silu:
            return self._silu(args[0])
        if target is torch.cat:
            return self._add("Concat", *args[0], axis=kwargs["dim"])
        if target is nn.functional.interpolate and _doubles(kwargs):
            return self._doubled(*args)
        if target is operator.getitem:
            return self._item(*args)
        raise NotImplementedError(f"Function {target} can't be written as ONNX yet.")

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if target == "to":  # another memory format; everything is float32 here
            return str(args[0])
        if target in ("mean", "amax"):
            kind = {"mean": "ReduceMean", "amax": "ReduceMax"}[target]
            return self._add(kind, args[0], axes=list(kwargs["dim"]), keepdims=0)
        raise NotImplementedError(f"Method {target} can't be written as ONNX yet.")

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def _constant(self, value: torch.Tensor | npt.NDArray[Any]) -> str:
        name = f"constant{len(self._constants)}"
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def _conv(self, conv: nn.Conv2d, x: str) -> str:
        given = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
        rows, columns = (int(side) for side in conv.padding)
        return self._add(
            "Conv",
            x,
            *(self._constant(one) for one in given),
            strides=list(conv.stride),
            pads=[rows, columns, rows, columns],
            dilations=list(conv.dilation),
            group=conv.groups,
        )

    def _join(self, join: SplitJoin, coarse: str, fine: str) -> str:
        (split,), (plain,) = join.coarse.children(), join.fine.children()
        assert isinstance(split, nn.Conv2d)
        assert isinstance(plain, nn.Conv2d)
        cases, channels, axes = self._conv(split, coarse), plain.out_channels, np.array([1, 2, 3])
        parts = []
        for case in range(4):
            row, column = divmod(case, 2)  # each case lacks the first or the last row and column
            starts = np.array([case * channels, row, column])
            ends = np.array(
                [(case + 1) * channels, *(_END if odd else -1 for odd in (row, column))]
            )
            slices = (self._constant(given) for given in (starts, ends, axes))
            parts.append(self._add("Slice", cases, *slices))
        joined = self._add("Concat", *parts, axis=1)
        doubled = self._add("DepthToSpace", joined, blocksize=2, mode="DCR")
        return self._silu(self._add("Add", doubled, self._conv(plain, fine)))

    def _silu(self, x: str) -> str:
        return self._add("Mul", x, self._add("Sigmoid", x))

    def _doubled(self, x: str) -> str:
        scales = self._constant(np.array([1, 1, 2, 2], np.float32))
        ways = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self._add("Resize", x, "", scales, mode="nearest", **ways)

    def _item(self, x: str, index: tuple[Any, ...]) -> str:
        whole = slice(None)
        if index == (whole, whole, None, None):
            return self._add("Unsqueeze", x, self._constant(np.array([2, 3])))
        if index == (whole, 0):
            return self._add("Gather", x, self._constant(np.array(0)), axis=1)
        raise NotImplementedError(f"Index {index} can't be written as ONNX yet.")


def _doubles(options: dict[str, Any]) -> bool:
    return (options["scale_factor"], options["mode"]) == (2.0, "nearest")
