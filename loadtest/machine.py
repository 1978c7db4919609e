"""The machine and the package versions behind a set of measurements."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # these decide how fast the nets are
_BUSY = 0.5  # load average above which the cores aren't quiet


def describe() -> str:
    """One line of Markdown: when, processor, cores, memory, versions."""
    packages = ", ".join(f"{name} {_version(name)}" for name in ("torch", "ray"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {processor()}, {cores()} cores, "
        f"{_memory_gb():.0f} GB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {packages}; "
        f"load average before the run {os.getloadavg()[0]:.1f}"
    )


def processor() -> str:
    """Name, generation and flags. In a virtual machine the name alone may be `AMD EPYC`."""
    flags = _cpuinfo("flags").split()
    family = _cpuinfo("cpu family")
    zen = {"25": "Zen 4" if "avx512f" in flags else "Zen 3", "26": "Zen 5"}  # AMD's families
    generation = zen.get(family, f"family {family} model {_cpuinfo('model')}")
    known = " ".join(flag for flag in _FLAGS if flag in flags)
    return f"{_cpuinfo('model name') or platform.machine()}, {generation} ({known})"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def warn_if_busy() -> None:
    """Warns if something else is using the cores: the numbers would be worth little."""
    load = os.getloadavg()[0]
    if load > _BUSY:
        print(
            f"The cores aren't quiet (load average {load:.1f}): ratios may be off.", file=sys.stderr
        )


def _cpuinfo(key: str) -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
