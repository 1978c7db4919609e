"""What callers, operators and commands choose from; quick to import, for the commands' help."""

from typing import Literal

DeviceName = Literal["cpu", "cuda"]
Expression = Literal["auto", "neutral", "smile"]  # of the painted part; "auto": as guessed
Landmarker = Literal["embedded", "face-alignment"]  # what finds the points of a bare face
FaceChoice = Literal["all", "largest"] | tuple[int, ...]  # a photo's faces, or their numbers
Warp = Literal["mesh", "2d"]  # how a reference is warped onto the face: see `swap_face`
Blend = Literal["feather", "poisson"]  # how its edge is blended in
MAX_CANDIDATES = 4  # painted faces per hidden one
MAX_FACES = 32  # of one photo, best first, if nobody sets another number
QUALITY = 92  # of JPEG and WebP, likewise
