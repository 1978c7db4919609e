"""What the editor is trained against: two discriminators, and the features of the truth.

One discriminator looks at the whole face, one at the mask region (Din et al. 2020): at their
pixels, or at features of ImageNet. With these, some hundred steps give lips and jaws edges that
pixels did not in as many.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.training.discriminators import (
    FeatureDiscriminator,
    PatchDiscriminator,
    hinge_discriminator,
    hinge_generator,
)
from models.training.features import Features, feature_distance
from models.training.precision import mixed_precision

WHOLE, REGION = "whole", "region"

Maps = Sequence[torch.Tensor]


class Adversaries:
    """See the head of this file.

    Args:
        projected: look at features, not at pixels.
        device: where all of it computes.

    Raises:
        PretrainedError: features are wanted, the package with the weights isn't installed.
    """

    def __init__(self, projected: bool, device: str) -> None:
        make = FeatureDiscriminator if projected else PatchDiscriminator
        self._features = Features().to(device) if projected else None
        self.nets: dict[str, nn.Module] = {name: make().to(device) for name in (WHOLE, REGION)}
        # What they look at changes: with features, momentum would lag behind it.
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
            context: float32 (B, 2, S, S), the hole and the landmark lines.
            weights: of the generator's loss against each discriminator; one that isn't named
                isn't trained.
            distance_weight: of the distance between the features; needs `projected`.

        Returns:
            The generator's weighted loss, and the discriminators' own and the distance.
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
        # Of pixels, the region's discriminator sees nothing but the hole.
        masked = name == REGION and not self._features
        return [
            torch.cat([(seen * context[:, :1] if masked else seen).float(), context], 1)
            for seen, context in zip(maps, beside, strict=True)
        ]

    def _cells(self, name: str, beside: Maps) -> list[torch.Tensor]:
        if not self._features or name == WHOLE:
            return [context.new_ones(()) for context in beside]
        # Features reach beyond their cell: the region's discriminator counts those in the hole.
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
