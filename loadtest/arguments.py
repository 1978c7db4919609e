"""Types of command-line arguments that several programs take."""

import argparse
import re
from collections.abc import Callable, Sequence


def some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """An argparse type: names separated by commas; any other name is refused."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(names)}")
        return chosen

    return parse


def header(text: str) -> dict[str, str]:
    """An argparse type: a header as `Name: value`; none if empty. No error repeats the value."""
    found = re.fullmatch(r"([\w-]+): *([!-~][ -~]*)", text, re.ASCII)
    if text and not found:
        raise argparse.ArgumentTypeError("a header looks like 'Authorization: Bearer KEY'")
    return {found[1]: found[2]} if found else {}
