"""Fine-tuning in rows a second: this repository's training against Hugging Face's Trainer, on the same work.

python -m benchmarks.encoder [--device cuda] [--rows N] [--epochs N] [--rounds N]

Same checkpoint, rows, loss, batch size, grouping by length, optimiser, rates, clipping and precision (bfloat16 on
a GPU, float32 on a CPU); each round in a separate process, by turns. Loading and scoring are not counted. The Trainer
uses the fastest kernels of the machine; ours runs with `train.deterministic` true and false.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np

from benchmarks.retrained import data_of
from benchmarks.workspace import ROOT
from verdict.base import numerics
from verdict.base.errors import exit_code
from verdict.base.files import read_json, read_table
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.features.pretrained import pretrained_folder
from verdict.classifier.features.tokens import read_tokeniser
from verdict.classifier.models.encoder import predict_scores
from verdict.classifier.models.tensors import softmax
from verdict.classifier.params import Train, load
from verdict.classifier.training import checkpoints
from verdict.classifier.training.loop import TrainingData, targets

SIDES = ("trainer", "fast", "deterministic")


def main() -> None:
    """Run all sides by turns, or one of them."""
    parser = argparse.ArgumentParser(description="Fine-tuning in rows a second.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=16_675)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measured(options)))
        return
    results: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(options.rounds):
        for side in SIDES[::-1] if number % 2 else SIDES:
            command = [sys.executable, "-m", "benchmarks.encoder", "--side", side, "--device", options.device]
            sizes = ["--rows", str(options.rows), "--epochs", str(options.epochs)]
            # One device for all sides: the Trainer would use several, and multiply the batch.
            env = {**os.environ, "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
            process = subprocess.run(
                [*command, *sizes], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
            )
            results[side].append(json.loads(process.stdout.splitlines()[-1]))
    slow = median(result["speed"] for result in results["trainer"])
    for side, rounds in results.items():
        speeds = sorted(result["speed"] for result in rounds)
        print(
            f"{side:>13}: {median(speeds):8.1f} rows/s ({speeds[0]:.1f} to {speeds[-1]:.1f}),"
            f" {median(speeds) / slow:.2f} × the Trainer, {rounds[0]['headline']:.4f} on validation"
        )


def measured(options: argparse.Namespace) -> dict[str, float]:
    """Speed and score of one side."""
    deterministic = options.side == "deterministic"
    numerics.pin_torch(deterministic)
    settings = load(ROOT / "params.yaml")
    changes = {"epochs": options.epochs, "save_minutes": 1e6}
    params = settings.train.model_copy(
        update={
            "device": options.device,
            "deterministic": deterministic,
            "refit": False,
            "encoder": settings.train.encoder.model_copy(update=changes),
        }
    )
    start = pretrained_folder(settings.featurize.tokens.checkpoint)
    tokeniser = read_tokeniser(start, settings.featurize.tokens.max_tokens)
    data, dataset = {}, read_dataset(ROOT / "data/prepared/dataset.json")
    for split in ("train", "validation"):
        table = read_table(ROOT / f"data/prepared/{split}.parquet", "dvc repro prepare")
        table = table.sample(min(len(table), options.rows), random_state=0)
        data[split] = data_of(tokeniser, table, dataset)
    side = _trainer if options.side == "trainer" else _ours
    network, seconds = side(params, data["train"], start)
    return {
        "speed": len(data["train"].actual) * options.epochs / seconds,
        "headline": _score(network, data["validation"], params.device, settings.evaluate.headline),
    }


def _ours(params: Train, data: TrainingData, start: Path) -> tuple[Any, float]:
    import torch

    from verdict.classifier.models.encoder.distributed import join_processes
    from verdict.classifier.models.encoder.guards import torch_settings
    from verdict.classifier.models.encoder.training import _Training

    weights = (start / "model.safetensors", _config(start))
    with TemporaryDirectory() as folder, join_processes(params.device) as world, torch_settings(params):
        os.environ[checkpoints.VARIABLE] = folder  # an empty one: nothing to resume
        with closing(_Training(params, data, weights, world)) as training:
            before = monotonic()
            training.run()
            if world.device.type == "cuda":
                torch.cuda.synchronize(world.device)
            seconds = monotonic() - before
    return training.network, seconds


def _config(start: Path) -> dict[str, Any]:
    config: dict[str, Any] = read_json(start / "config.json", "")
    return config


def _trainer(params: Train, data: TrainingData, start: Path) -> tuple[Any, float]:
    import torch
    from torch import nn
    from torch.nn import functional
    from transformers import Trainer, TrainingArguments

    from verdict.classifier.models.encoder.build import network_of, optimiser_of

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(params.seed)
    settings = params.encoder
    target = targets(data, params)
    # Without ratings, neither side has a loss for them.
    weight = 0.0 if data.rating is None else settings.rating_weight
    rating = np.zeros(len(target)) if data.rating is None else data.rating / data.reach

    class WithLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network_of((start / "model.safetensors", _config(start)), len(data.labels), settings.dropout)

        def forward(self, ids: Any, mask: Any, target: Any, rating: Any) -> dict[str, Any]:  # noqa: ANN401 - tensors
            output = self.network(ids, mask)
            loss = functional.cross_entropy(output[:, :-1], target, label_smoothing=settings.label_smoothing)
            loss = loss + weight * functional.mse_loss(output[:, -1], rating)
            return {"loss": loss, "logits": output}

    class Rows(torch.utils.data.Dataset[dict[str, Any]]):
        def __len__(self) -> int:
            return len(data.actual)

        def __getitem__(self, row: int) -> dict[str, Any]:
            ids = data.features.ids[data.features.ends[row] : data.features.ends[row + 1]]
            return {"input_ids": ids.tolist(), "row": row}

    def collate(examples: list[dict[str, Any]]) -> dict[str, Any]:
        rows = np.array([example["row"] for example in examples])
        ids, mask = data.features.padded(rows)
        return {
            "ids": torch.from_numpy(ids),
            "mask": torch.from_numpy(mask),
            "target": torch.from_numpy(target[rows]).float(),
            "rating": torch.from_numpy(rating[rows]).float(),
        }

    model = WithLoss()
    steps = -(-len(data.actual) // settings.batch_size) * settings.epochs
    arguments = TrainingArguments(
        output_dir=str(ROOT / ".checkpoints" / "trainer"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        train_sampling_strategy="group_by_length",
        warmup_steps=round(steps * settings.warmup),
        max_grad_norm=settings.clip,
        bf16=params.device != "cpu",
        use_cpu=params.device == "cpu",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
        remove_unused_columns=False,
        seed=params.seed,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Rows(),
        data_collator=collate,
        optimizers=(optimiser_of(model.network, params), None),
    )
    before = monotonic()
    trainer.train()
    if params.device != "cpu":
        torch.cuda.synchronize()
    return model.network, monotonic() - before


def _score(network: Any, data: TrainingData, device: str, headline: str) -> float:  # noqa: ANN401 - a torch module
    import torch

    network.eval()
    with torch.inference_mode():
        outputs = predict_scores(network, data.features, torch.device(device), device != "cpu")
    return data.score(headline, softmax(outputs[:, : len(data.labels)]))


if __name__ == "__main__":
    sys.exit(exit_code(main))
