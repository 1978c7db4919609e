"""What callers, operators and commands choose from; quick to import, for the commands' help."""

from typing import Literal

DeviceName = Literal["cpu", "cuda"]
Expression = Literal["auto", "neutral", "smile"]  # of the painted part; "auto": as guessed
Landmarker = Literal["embedded", "face-alignment"]  # what finds the points of a bare face
Warp = Literal["mesh", "2d"]  # how a reference is warped onto the face: see `swap_face`
Blend = Literal["feather", "poisson"]  # how its edge is blended in
MAX_CANDIDATES = 4  # painted faces per hidden one
