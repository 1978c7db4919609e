"""Face masks drawn on photos, with the exact pixels that they hide, and hands in front of them."""

from models.training.masks.hands import hold_hand
from models.training.masks.kinds import KINDS
from models.training.masks.wear import Worn, wear_mask

__all__ = ["KINDS", "Worn", "hold_hand", "wear_mask"]
