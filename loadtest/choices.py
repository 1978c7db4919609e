"""Arguments that name some of several things."""

import argparse
from collections.abc import Callable, Sequence


def some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """An argparse type: names between commas; others than these are refused."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(names)}")
        return chosen

    return parse
