"""Trainings by a config that a test makes."""

from pathlib import Path

import yaml

from models.training.train import train_by


def train(net: str, config, data: Path, run: Path, weights: Path) -> None:
    """`train_by` a recipe that says `config`, written beside the run's folder."""
    recipe = run.parent / "recipe.yaml"
    recipe.write_bytes(yaml.safe_dump(config).encode())
    train_by(recipe, net, data, run, weights)
