"""What the editor trains against: two discriminators and the features of the truth.

One discriminator sees the whole face, the other the mask region (Din et al. 2020): their pixels
or their ImageNet features. Features sharpen lips and jaws within some hundred steps; pixels didn't
in as many.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.training.inpaint.discriminators import (
    FeatureDiscriminator,
    PatchDiscriminator,
    hinge_discriminator,
    hinge_generator,
)
from models.training.inpaint.features import Features, feature_distance
from models.training.precision import mixed_precision

WHOLE, REGION = "whole", "region"

Maps = Sequence[torch.Tensor]


class Adversaries:
    """See the head of this file.

    Args:
        projected: the discriminators see features instead of pixels.
        device: where everything is computed.

    Raises:
        PretrainedError: `projected`, but the package with the weights isn't installed.
    """

    def __init__(self, projected: bool, device: str) -> None:
        make = FeatureDiscriminator if projected else PatchDiscriminator
        self._features = Features().to(device) if projected else None
        self.nets: dict[str, nn.Module] = {name: make().to(device) for name in (WHOLE, REGION)}
        # With features, momentum would lag behind their changing input.
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(net.parameters(), betas=(0.0 if projected else 0.5, 0.99))
            for name, net in self.nets.items()
        }

    def loss(
        self,
        painted: torch.Tensor,
        truth: torch.Tensor,
        context: torch.Tensor,
        weights: Mapping[str, float],
        distance_weight: float,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Trains the discriminators by one step.

        Args:
            painted, truth: float32 (B, 3, S, S) in [-1, 1].
            context: float32 (B, 2, S, S), hole and landmark lines.
            weights: the generator's loss weight for each discriminator; those not named aren't
                trained.
            distance_weight: weight of the distance between the features; needs `projected`.

        Returns:
            The generator's weighted loss; each discriminator's loss and the distance.
        """
        loss, losses = painted.new_zeros(()), dict[str, torch.Tensor]()
        if not weights and not distance_weight:
            return loss, losses
        with mixed_precision(painted.device):
            fake = self._seen(painted)
            with torch.no_grad():
                real = self._seen(truth)
            beside = [F.interpolate(context, seen.shape[-2:], mode="area") for seen in fake]
            if distance_weight:
                distance = feature_distance(fake, real, context[:, :1])
                loss, losses["features"] = distance_weight * distance, distance.detach()
            for name, weight in weights.items():
                views, others = self._views(name, fake, beside), self._views(name, real, beside)
                cells = self._cells(name, beside)
                losses[name] = self._train(name, others, [v.detach() for v in views], cells)
                scores = self.nets[name].requires_grad_(False)(views)
                loss = loss + weight * hinge_generator([s.float() for s in scores], cells)
        return loss, losses

    def _seen(self, picture: torch.Tensor) -> Maps:
        maps: Maps = self._features(picture) if self._features else [picture]
        return maps

    def _views(self, name: str, maps: Maps, beside: Maps) -> list[torch.Tensor]:
        # With pixels, the region's discriminator sees only the hole.
        masked = name == REGION and not self._features
        return [
            torch.cat([(seen * context[:, :1] if masked else seen).float(), context], 1)
            for seen, context in zip(maps, beside, strict=True)
        ]

    def _cells(self, name: str, beside: Maps) -> list[torch.Tensor]:
        if not self._features or name == WHOLE:
            return [context.new_ones(()) for context in beside]
        # Features see beyond their cell: the region's discriminator counts cells in the hole only.
        return [(context[:, :1] > 0.5).float() for context in beside]

    def _train(
        self, name: str, real: Maps, fake: Maps, cells: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        net, optimizer = self.nets[name].train().requires_grad_(True), self.optimizers[name]
        both = net([torch.cat(pair) for pair in zip(real, fake, strict=True)])
        halves = [scores.float().chunk(2) for scores in both]
        loss = hinge_discriminator([r for r, _ in halves], [f for _, f in halves], cells)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()
