"""Which faces in a photo a caller selects, as text: `all`, `largest` or numbers such as `0,2`."""

import re

from models.choices import FaceChoice

PATTERN = r"^(all|largest|[0-9]{1,4}(, ?[0-9]{1,4}){0,31})$"
EXPECTED = "Input should be all, largest or up to 32 numbers such as 0,2"


def parse_face_choice(text: str) -> FaceChoice:
    """The selection; each number once, in the caller's order.

    Raises:
        ValueError: the text is none of these.
    """
    if text == "all":
        return "all"
    if text == "largest":
        return "largest"
    if not re.fullmatch(PATTERN, text):
        raise ValueError(EXPECTED)
    return tuple(dict.fromkeys(int(number) for number in text.split(",")))
