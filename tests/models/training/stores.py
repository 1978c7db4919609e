"""What training reads, made small: stores of cut faces, and weights of earlier nets."""

from pathlib import Path

import numpy as np

from models.checkpoint import save_net
from models.landmarks.net import LandmarkConfig, LandmarkNet
from models.mask.unet import UNet, UNetConfig
from models.training.frames import STORE_PX, store_path


def write_store(data: Path, name: str, landmarks, images=None) -> None:
    """A store in `data/cache` of faces cut from the sources in `name`, "aaf+scut"; else black."""
    count = len(landmarks)
    if images is None:
        images = np.zeros((count, STORE_PX, STORE_PX, 3), np.uint8)
    kept = store_path(data, name.split("+"), data / "cache")
    kept.mkdir(parents=True)
    np.save(kept / "images.npy", images)
    np.savez(kept / "labels.npz", landmarks=landmarks, sources=[name] * count)


def save_small_nets(weights: Path) -> None:
    """A folder with an untrained landmark net and an untrained mask net."""
    weights.mkdir()
    config = LandmarkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), features=8)
    save_net(weights / "landmarks.safetensors", LandmarkNet(config), config)
    sizes = UNetConfig(width=4, depth=2)
    save_net(weights / "mask.safetensors", UNet(sizes), sizes)
