"""Face masks drawn on photos, with the exact pixels they hide: training data and `wear`."""

from models.training.masks.kinds import KINDS
from models.training.masks.wear import Worn, wear_mask

__all__ = ["KINDS", "Worn", "wear_mask"]
