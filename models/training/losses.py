"""Losses of the trainers."""

import torch
import torch.nn.functional as F


def ssim_map(a: torch.Tensor, b: torch.Tensor, window: int = 7) -> torch.Tensor:
    """Structural similarity at each pixel, with a box window: a tenth of the time of a Gaussian.

    Args:
        a, b: float (B, C, H, W) in [-1, 1].
        window: side of the box, px.

    Returns:
        float (B, 1, H - window + 1, W - window + 1), mean over channels, 1 = identical.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861.
    """
    a, b = (a + 1) / 2, (b + 1) / 2
    c1, c2 = 0.01**2, 0.03**2
    moments = F.avg_pool2d(torch.cat([a, b, a * a, b * b, a * b], dim=1), window, stride=1)
    mean_a, mean_b, aa, bb, ab = moments.chunk(5, dim=1)
    var_a, var_b, cov = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    return (numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean(1, keepdim=True)


def reconstruction(
    painted: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """L1 inside the hole, and 1 - SSIM at half size around it, both per hole pixel.

    Args:
        painted, truth: float32 (B, 3, H, W) in [-1, 1].
        hole: float32 (B, 1, H, W), 1 = painted.

    Returns:
        Two scalars.
    """
    l1 = ((painted - truth).abs() * hole).sum() / (3 * hole.sum() + 1)
    # Half size costs a quarter, and L1 sees what it misses.
    half = [F.avg_pool2d(x, 2) for x in (painted, truth)]
    around = F.avg_pool2d(F.max_pool2d(hole, 2), 7, stride=1)
    ssim = ssim_map(half[0], half[1])
    return l1, ((1 - ssim) * around).sum() / (around.sum() + 1)


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - Dice coefficient of each picture: Milletari et al. 2016, arXiv:1606.04797.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W), 0 or 1.

    Returns:
        (B,), 0 = identical.
    """
    found = torch.sigmoid(logits)
    overlap = (found * target).sum(dim=(1, 2, 3))
    return 1 - (2 * overlap + 1) / (found.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3)) + 1)


def landmark_error(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Distance of each point as a share of the distance between the eyes' centres.

    Args:
        found, truth: (B, 68, 2) px.

    Returns:
        (B, 68), 1 = one eye distance.
    """
    eyes = truth[:, 42:48].mean(1) - truth[:, 36:42].mean(1)
    distance = ((found - truth) ** 2).sum(dim=2).add(1e-4).sqrt()
    span: torch.Tensor = eyes.norm(dim=1).clamp(min=1)
    return distance / span[:, None]
