"""Face masks drawn on photos, with the exact pixels that they hide, and hands in front of them."""

from models.training.drawing.hands import hold_hand
from models.training.drawing.kinds import KINDS
from models.training.drawing.wear import Worn, wear_mask

__all__ = ["KINDS", "Worn", "hold_hand", "wear_mask"]
