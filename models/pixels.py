"""The types of pictures and masks, and the only functions that convert them.

Pictures between functions are uint8 RGB, 0..255; nets see float32 RGB in [-1, 1].
Masks between functions are bool, True = hidden by a face mask.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

Image = npt.NDArray[np.uint8]  # (H, W, 3) RGB
Mask = npt.NDArray[np.bool_]  # (H, W), True = hidden
Floats = npt.NDArray[np.float32]  # any shape and range
Points = npt.NDArray[np.float32]  # (K, 2), (x, y) in px
Landmarks = Points  # (68, 2), in iBUG order
Affine = npt.NDArray[np.float32]  # (2, 3), maps column vectors (x, y, 1)


def to_tensor(images: Sequence[Image] | Image, device: torch.device | str = "cpu") -> torch.Tensor:
    """Stacks pictures of one size into a batch: float32 (B, 3, H, W) in [-1, 1], channels last."""
    batch = torch.from_numpy(np.ascontiguousarray(np.stack(list(images)))).to(device)
    return batch.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_images(batch: torch.Tensor) -> list[Image]:
    """Float (B, 3, H, W) in [-1, 1] to pictures; values outside are clipped."""
    scaled = batch.float().add(1.0).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return list(scaled.permute(0, 2, 3, 1).cpu().numpy())


def masks_to_tensor(masks: Sequence[Mask], device: torch.device | str = "cpu") -> torch.Tensor:
    """Stacks masks of one size: float32 (B, 1, H, W), 1 = hidden."""
    return torch.from_numpy(np.stack(list(masks))).to(device)[:, None].float()


def pack_mask(mask: Mask) -> bytes:
    """A mask as packed bits, row by row: 8 KB for 256x256."""
    return np.packbits(mask).tobytes()


def unpack_mask(packed: bytes, shape: tuple[int, int]) -> Mask:
    """Inverse of `pack_mask`."""
    count = shape[0] * shape[1]
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
    return bits.astype(bool).reshape(shape)
