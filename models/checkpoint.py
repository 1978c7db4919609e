"""Weights files: safetensors with the net's config inside, pinned by a manifest.

`weights/manifest.json` lists each file with its sha256, size, licence and how it was
trained. A file that differs from the manifest is refused. Pickles are never read.
"""

import dataclasses
import hashlib
import json
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from models.atomic_write import atomic_write
from models.errors import WeightsError
from models.parallel import on_one_thread

MANIFEST_NAME = "manifest.json"

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Entry:
    """One weights file as the manifest describes it."""

    file: str
    sha256: str
    size: int  # bytes
    licence: str
    trained: str  # one line: data, images, time


@dataclass(frozen=True)
class Manifest:
    """A set of weights that belong together."""

    folder: Path
    version: str  # sent as X-Model-Version
    entries: dict[str, Entry]

    def path(self, name: str) -> Path:
        """The file of the net `name`, after checking its size and sha256.

        Raises:
            WeightsError: unknown name, missing file, or content that differs from the manifest.
        """
        if name not in self.entries:
            raise WeightsError(f"{self.folder / MANIFEST_NAME} has no entry '{name}'.")
        entry = self.entries[name]
        path = self.folder / entry.file
        if not path.is_file():
            raise WeightsError(f"{path} is missing: restore it from the repository.")
        # The size first: a truncated file is refused without reading it.
        wrong = "size" if path.stat().st_size != entry.size else "sha256"
        if wrong == "size" or file_sha256(path) != entry.sha256:
            raise WeightsError(
                f"{path} is not the file that the manifest pins ({wrong} differs): restore it, "
                "or pin yours with `mask2face weights pin`."
            )
        return path


def load_manifest(folder: Path) -> Manifest:
    """Reads `folder/manifest.json`.

    Raises:
        WeightsError: the file is missing, or isn't a manifest.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text())
        entries = {name: Entry(**entry) for name, entry in content["nets"].items()}
        return Manifest(folder, str(content["version"]), entries)
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing: is '{folder}' the weights folder?") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is not a weights manifest: {error}") from error


def save_manifest(manifest: Manifest) -> None:
    """Writes the manifest into its folder, atomically."""
    nets = {name: dataclasses.asdict(entry) for name, entry in manifest.entries.items()}
    text = json.dumps({"version": manifest.version, "nets": nets}, indent=2)
    with atomic_write(manifest.folder / MANIFEST_NAME) as part:
        part.write_text(text + "\n")


def file_sha256(path: Path) -> str:
    """Hex digest of the file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_net(path: Path, net: nn.Module, config: Any) -> None:
    """Writes the net's state with its frozen dataclass config as metadata, atomically.

    Matrices and kernels are stored as float16 (half the size; the nets run in bfloat16, which
    is coarser), vectors such as batch norm statistics as they are.
    """
    state = {name: _stored(tensor) for name, tensor in net.state_dict().items()}
    metadata = {"config": json.dumps(dataclasses.asdict(config))}
    with atomic_write(path) as part:
        # `save_file` would make it readable by its owner alone.
        part.write_bytes(save(state, metadata=metadata))


def _stored(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor


@on_one_thread()
def load_net(path: Path, net_class: type[Net], config_class: type[Any], device: str = "cpu") -> Net:
    """Builds the net that `save_net` wrote, in eval mode, channels last, without gradients.

    Raises:
        WeightsError: not a weights file, or one of another net.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            values = _config_of(file.metadata())
            _refuse(values.keys() - {field.name for field in dataclasses.fields(config_class)})
            config = config_class(**values)
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        net = net_class(config)
        _refuse(state.keys() ^ net.state_dict().keys())
        net.load_state_dict(state)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} doesn't hold a {net_class.__name__}: {error}. Restore it from the repository, "
            "or name another file."
        ) from error
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.eval().requires_grad_(False)
    return net


def _refuse(names: Set[str]) -> None:
    if names:  # torch would list all of them
        raise ValueError(f"it is another net ({min(names)})")


def _config_of(metadata: dict[str, str] | None) -> dict[str, Any]:
    config = json.loads((metadata or {})["config"])
    if not isinstance(config, dict):
        raise TypeError("its config is not an object")
    # JSON has no tuples, and the configs are hashable.
    return {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
