"""Finds mistakes in a config file before anything starts.

Serve itself accepts a misspelt key of a deployment, and notices a missing weights file only when
the replica fails to start.
"""

import dataclasses
import difflib
import os
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import torch
from pydantic import BaseModel, ValidationError
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import ServeDeploySchema

from models.checkpoint import load_manifest
from models.errors import WeightsError
from models.landmarks.fan import INSTALL_FAN, find_weights
from models.nets.budgets import NETS
from serve_graph.flags import uses_haproxy
from serve_graph.settings import MAX_TAKING_S, UPLOADS_PER_PLACE, ApiSettings, Batching, GraphArgs

IMPORT_PATH = "serve_graph.app:build"
BATCHED = ("FaceCropper", "MaskDetector", "Inpainter")
DEPLOYMENTS = {"split": ("Ingress", *BATCHED, "FaceSwapper"), "fused": ("Ingress",)}
MAX_PORT = 65_535
# Serve's defaults, for a deployment that doesn't set them.
SERVE_MAX_ONGOING_REQUESTS = 5
SERVE_SHUTDOWN_TIMEOUT_S = 20.0


def find_problems(content: object, needs_gpu: bool = True) -> list[str]:
    """One line per problem; each starts with the key.

    Args:
        content: the content of a config file.
        needs_gpu: whether this machine must have the GPU that the config requires.
    """
    if not isinstance(content, dict):
        return ["it isn't a mapping: start from configs/laptop.yaml."]
    # Values are only checked once the keys are right: one mistake, one line.
    return (
        list(_unknown_keys(content, ServeDeploySchema))
        or list(_wrong_values(content, ServeDeploySchema))
        or [
            *_check_port(content),
            *_check_tls(content),
            *_check_apps(content["applications"], needs_gpu),
        ]
    )


def _check_port(content: dict[str, Any]) -> Iterator[str]:
    port = content.get("http_options", {}).get("port", 1)
    if not 1 <= int(port) <= MAX_PORT:
        yield f"http_options.port: {port}: a port is 1 to {MAX_PORT}."


def _check_tls(content: dict[str, Any]) -> Iterator[str]:
    if uses_haproxy(os.environ):
        for key, value in content.get("http_options", {}).items():
            if key.startswith("ssl_") and value is not None:
                yield (
                    f"http_options.{key}: HAProxy, the front door here, would still answer without "
                    "TLS: leave it out, and put a proxy with TLS in front of the service."
                )


def _check_apps(apps: list[dict[str, Any]], needs_gpu: bool) -> Iterator[str]:
    if not apps:
        yield "applications: there is none: start from configs/laptop.yaml."
    for where, app in _items(apps, "applications."):
        yield from _check_app(app, where, needs_gpu)


def _check_app(app: dict[str, Any], where: str, needs_gpu: bool) -> Iterator[str]:
    at = f"{where}args."
    wrong = list(_unknown_keys(app.get("args", {}), GraphArgs, at))
    wrong = wrong or list(_wrong_values(app.get("args", {}), GraphArgs, at))
    if wrong:
        yield from wrong
        return
    deployments, of_one = app.get("deployments", []), f"{where}deployments."
    prefix = app.get("route_prefix", "/")
    if not isinstance(prefix, str) or not prefix.startswith("/"):
        yield f"{where}route_prefix: {prefix}: it must start with a slash."
    if app["import_path"] != IMPORT_PATH:
        yield f"{where}import_path: {app['import_path']}: it must be {IMPORT_PATH}."
    args = GraphArgs.model_validate(app.get("args", {}))
    yield from _check_names(deployments, of_one)
    for deployment in deployments:
        yield from _check_deployment(deployment, args, of_one)
    yield from _check_together(args.api, deployments, of_one)
    if needs_gpu and args.device == "cuda" and not torch.cuda.is_available():
        yield f"{at}device: cuda, but torch finds no CUDA here: set cpu, or use a GPU machine."
    yield from _check_weights(args, at)


def _check_names(deployments: list[dict[str, Any]], where: str) -> Iterator[str]:
    counts = Counter(one["name"] for one in deployments)
    for name, count in counts.items():
        if count > 1:
            yield f"{where}{name}: there are {count} of this name: merge them into one."


def _check_deployment(deployment: dict[str, Any], args: GraphArgs, where: str) -> Iterator[str]:
    name = deployment["name"]
    known = DEPLOYMENTS[args.shape]
    if name not in known:
        yield f"{where}{name}: the {args.shape} graph has no such deployment{_hint(name, known)}"
        return
    yield from _check_autoscaling(deployment, f"{where}{name}.autoscaling_config.")
    config = deployment.get("user_config") or {}
    at = f"{where}{name}.user_config."
    if name not in BATCHED:
        yield from (f"{at}{key}: {name} takes no user_config." for key in config)
        return
    if deployment.get("user_config", {}) is None:
        # Serve would tell running replicas nothing, so they would keep what they had before.
        yield f"{at[:-1]}: it is empty: write the keys below it, or leave it out."
    wrong = list(_unknown_keys(config, Batching, at)) or list(_wrong_values(config, Batching, at))
    yield from wrong
    # Like Serve, which also accepts a number in quotes.
    ongoing = int(deployment.get("max_ongoing_requests", SERVE_MAX_ONGOING_REQUESTS))
    if not wrong and Batching.model_validate(config).max_batch_size > ongoing:
        yield (
            f"{at}max_batch_size: larger than max_ongoing_requests, {ongoing}, "
            "so no batch would get full: raise max_ongoing_requests."
        )


def _check_together(
    api: ApiSettings, deployments: list[dict[str, Any]], where: str
) -> Iterator[str]:
    """One line for each setting of Ingress that is too small for what the API accepts."""
    ingress = next((one for one in deployments if one["name"] == "Ingress"), {})
    at = f"{where}Ingress."
    timeout_s = float(ingress.get("graceful_shutdown_timeout_s", SERVE_SHUTDOWN_TIMEOUT_S))
    longest_s = api.max_timeout_s + MAX_TAKING_S
    if timeout_s < longest_s:
        yield (
            f"{at}graceful_shutdown_timeout_s: {timeout_s:g}, but a request may take "
            f"args.api.max_timeout_s, {api.max_timeout_s:g}, and its client {MAX_TAKING_S:g} s to "
            f"read the answer, so an update would cut it off: set {longest_s:g} or more, or lower "
            "args.api.max_timeout_s."
        )
    ongoing = int(ingress.get("max_ongoing_requests", SERVE_MAX_ONGOING_REQUESTS))
    most = (UPLOADS_PER_PLACE + 1) * api.max_requests
    if ongoing <= most:
        yield (
            f"{at}max_ongoing_requests: {ongoing}, but including uploads it accepts {most}, "
            f"{UPLOADS_PER_PLACE + 1} x args.api.max_requests, so the rest would wait in Serve, "
            f"without a deadline, or get its own refusal: set {most + 1} or more, or lower "
            "args.api.max_requests."
        )


def _check_autoscaling(deployment: dict[str, Any], where: str) -> Iterator[str]:
    # Serve accepts any mapping here and only validates it when it deploys.
    given = deployment.get("autoscaling_config")
    if given is None:
        return
    if deployment.get("num_replicas") == "auto":
        default: AutoscalingConfig = AutoscalingConfig.default()  # type: ignore[no-untyped-call]
        given = default.model_dump(exclude_unset=True) | given
    wrong = list(_wrong_values(given, AutoscalingConfig, where))
    yield from wrong
    may_be_none = not wrong and AutoscalingConfig.model_validate(given).min_replicas == 0
    if may_be_none and deployment["name"] == "Ingress":
        advice = "one must be there to take requests in: set 1 or more."
        yield f"{where}min_replicas: 0, but {advice}"


def _check_weights(args: GraphArgs, where: str) -> Iterator[str]:
    try:
        manifest = load_manifest(args.weights_folder)
        for net in NETS:
            manifest.path(net)
    except WeightsError as error:
        yield f"{where}weights: {error}"
    if args.fan_folder is not None:
        yield from _check_fan(args.fan_folder, where)


def _check_fan(folder: Path, where: str) -> Iterator[str]:
    if find_spec("face_alignment") is None:
        yield f"{where}landmarks: {INSTALL_FAN}"
    try:
        find_weights(folder)
    except WeightsError as error:
        yield f"{where}fan_weights: {error}"


def _unknown_keys(content: Any, kind: type[Any], where: str = "") -> Iterator[str]:
    known = _fields(kind)
    for key, value in content.items() if isinstance(content, dict) else ():
        if key not in known:
            yield f"{where}{key}: unknown key{_hint(key, known)}"
        elif (inner := _model_in(known[key])) is not None:
            for at, item in _items(value, f"{where}{key}."):
                if isinstance(value, list) and not isinstance(item, dict):
                    # Serve's own check would crash on such a deployment.
                    yield f"{at[:-1]}: it has no keys: write them after the '-', or leave it out."
                yield from _unknown_keys(item, inner, at)


def _items(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list):
        yield where, value
        return
    for number, item in enumerate(value):
        name = item.get("name", number) if isinstance(item, dict) else number
        yield f"{where}{name}.", item


def _wrong_values(content: Any, model: type[BaseModel], where: str = "") -> Iterator[str]:
    try:
        model.model_validate(content)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            text = one["msg"].removeprefix("Value error, ")
            yield f"{where}{_named(one['loc'], content)}: {text}"


def _named(location: tuple[int | str, ...], content: Any) -> str:
    """The location, with names in place of list indices where the items have one."""
    names = []
    for part in location:
        try:
            content = content[part]
        except (LookupError, TypeError):  # pydantic's location continues into parts of the type
            content = None
        of_list = isinstance(part, int) and isinstance(content, dict)
        names.append(content.get("name", part) if of_list else part)
    return ".".join(str(name) for name in names)


def _fields(kind: type[Any]) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return {field.name: field.type for field in dataclasses.fields(kind)}


def _model_in(annotation: Any) -> type[Any] | None:
    """The model inside a type such as `Dict | AutoscalingConfig | None`."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)
    ):
        return annotation
    inner = (_model_in(part) for part in get_args(annotation))
    return next((model for model in inner if model is not None), None)


def _hint(name: Any, known: Any) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f": did you mean '{close[0]}'?" if close else f"; there are: {', '.join(known)}."
