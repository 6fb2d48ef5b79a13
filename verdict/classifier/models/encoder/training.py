"""Trains the encoder with torch and transformers, on CPUs or GPUs, in one process or in several."""

import math
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from verdict.base.files import read_json, sha256
from verdict.classifier.features.pretrained import WEIGHTS
from verdict.classifier.features.tokens import CONFIG
from verdict.classifier.models.encoder import predict_scores, resume
from verdict.classifier.models.encoder.batches import OnDevice, Rows, epoch_batches, learning_rate_factor, process_share
from verdict.classifier.models.encoder.build import model_of, network_of, optimiser_of
from verdict.classifier.models.encoder.distributed import ProcessGroup, join_processes
from verdict.classifier.models.encoder.guards import memory_errors, torch_settings
from verdict.classifier.models.tensors import softmax
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import log_loss
from verdict.classifier.training import checkpoints
from verdict.classifier.training.loop import Fitted, TrainingData, curve_point, diverged, targets

# Steps between two reads of the loss: each read waits for a GPU.
_LOOK = 20


def fit(
    params: Train, headline: str, train: TrainingData, validation: TrainingData, start: Path | None = None
) -> Fitted:
    """Fine-tune the checkpoint in a folder: `fit_encoder` with its weights and its config."""
    if start is None:
        raise TypeError("an encoder starts from a checkpoint")
    config = read_json(start / CONFIG, "dvc repro featurize")
    return fit_encoder(params, headline, train, validation, (start / WEIGHTS, config))


def fit_encoder(
    params: Train, headline: str, train: TrainingData, validation: TrainingData, start: tuple[Path, dict[str, Any]]
) -> Fitted:
    """Fine-tune with early stopping, then, with `refit`, once more on both splits for as many epochs.

    Args:
        params: `encoder` has the settings.
        headline: the metric that chooses the best epoch.
        train: token ids and targets.
        validation: what stops the training.
        start: model.safetensors of the checkpoint, beside its config.json, and that config.

    Raises:
        VerdictError: the device is not there, its memory does not suffice, or the training diverged.
    """
    with join_processes(params.device) as world, torch_settings(params), memory_errors(params, world):
        # Each frees its memory on the device before the next one starts.
        with closing(_Training(params, train, start, world, (validation, headline))) as first:
            first.run()
            kept, progress, states = first.kept, first.progress, [first.file]
        del first
        held_out = softmax(kept["held_out"].numpy())
        rows, seconds = len(train.actual) * len(progress.curve) // 2, progress.seconds
        if params.refit:
            whole = train.concatenate(validation)
            with closing(_Training(params, whole, start, world)) as again:
                again.run(epochs=progress.best_epoch)
                kept, seconds = again.kept, seconds + again.progress.seconds
                states.append(again.file)
            rows += len(whole.actual) * progress.best_epoch
    model = model_of(kept, start[1])
    return Fitted(model, progress.curve, held_out, rows, progress.best_epoch, seconds, tuple(states))


class _Training:
    """One training: a network, its optimiser, and its progress. It locks its state on disk until it is closed.

    `judge` chooses the best epoch: validation rows and a metric; without it the last epoch is kept.
    """

    def __init__(
        self,
        params: Train,
        data: TrainingData,
        start: tuple[Path, dict[str, Any]],
        world: ProcessGroup,
        judge: tuple[TrainingData, str] | None = None,
    ) -> None:
        self.params, self.world, self.data, self.judge = params, world, data, judge
        phase, read = (f"first, by {judge[1]}", [data, judge[0]]) if judge else ("refit", [data])
        self.file = resume.path_for(params, phase, read, sha256(start[0]), world)
        self.held = checkpoints.acquire(self.file) if world.is_main else None
        torch.manual_seed(params.seed)
        self.network = network_of(start, len(data.labels), params.encoder.dropout).to(world.device)
        self.optimiser = optimiser_of(self.network, params)
        self.kept: dict[str, Tensor] = {}
        self.tensors = resume.State(self.network, self.optimiser, self.kept)
        self.progress = resume.load(self.file, self.tensors) or resume.Progress()
        world.require_same((self.progress.epoch, self.progress.step), str(self.file))
        self.texts = OnDevice(data.features, world.device)
        self.wanted = torch.from_numpy(targets(data, params)).float().to(world.device)
        self.rating: Tensor | None = None
        if data.rating is not None:
            self.rating = torch.from_numpy(data.rating / data.reach).float().to(world.device)
        self.bfloat16 = world.device.type == "cuda"
        self.saved = monotonic()

    def close(self) -> None:
        """Release the lock of the state, which stays on disk until the results are written."""
        if self.held:
            self.held.release()

    def run(self, epochs: int | None = None) -> None:
        """Train until done, or for so many epochs, at the learning rates of a training of `train.encoder.epochs`."""
        settings, progress = self.params.encoder, self.progress
        batches = -(-len(self.data.actual) // settings.batch_size)
        parallel = self._parallel()
        with self._bar(batches * (epochs or settings.epochs)) as bar:
            while not progress.done:
                self._epoch(parallel, batches, bar)
                if self.judge:
                    self._judge(*self.judge, batches, bar)
                progress.epoch, progress.step, progress.loss = progress.epoch + 1, 0, 0.0
                progress.done = progress.epoch >= (epochs or settings.epochs) or (
                    self.judge is not None and progress.epoch - progress.best_epoch >= settings.patience
                )
                if progress.done and not self.judge:
                    self._keep()
                self._save()

    def _epoch(self, parallel: nn.Module, batches: int, bar: "tqdm[Any]") -> None:
        settings, progress, world = self.params.encoder, self.progress, self.world
        rows_of = epoch_batches(self.data.features.lengths, settings.batch_size, self.params.seed, progress.epoch)
        shares = [process_share(rows, world.rank, world.size) for rows in rows_of]
        places = torch.split(torch.from_numpy(np.concatenate(shares)).to(world.device), [len(own) for own in shares])
        # Of this process, since the loss was summed over all of them. In float64 the sum of an epoch's float32 losses
        # is exact, so that it does not matter when it was saved.
        total = torch.zeros((), dtype=torch.float64, device=world.device)
        self.network.train()
        for rows, own, place in list(zip(rows_of, shares, places, strict=True))[progress.step :]:
            number = progress.epoch * batches + progress.step
            factor = learning_rate_factor(number, batches * settings.epochs, settings.warmup)
            for group in self.optimiser.param_groups:
                group["lr"] = group["highest"] * factor
            # Dropout draws from a seed of this step, so that resuming needs no state of the generator.
            torch.manual_seed((self.params.seed * 2**24 + number) * 2**6 + world.rank)
            total += self._step(parallel, own, place, len(rows))
            progress.step += 1
            bar.update()
            if progress.step % _LOOK == 0 or progress.step == batches:
                loss = (progress.loss + world.size * float(total)) / progress.step
                bar.set_postfix_str(f"loss {loss:.4f}{self._best()}")
            if self._time_to_save() and progress.step < batches:
                progress.loss += world.all_sum(float(total))
                total.zero_()
                self._save()
        progress.loss += world.all_sum(float(total))
        if not math.isfinite(progress.loss):
            raise diverged("encoder", progress.epoch)

    def _step(self, parallel: nn.Module, own: Rows, place: Tensor, size: int) -> Tensor:
        """One batch of `size` texts: this process's share, and the step that all processes take together."""
        settings, world = self.params.encoder, self.world
        ids, mask = self.texts.padded(own, place)
        with torch.autocast(world.device.type, torch.bfloat16, enabled=self.bfloat16):
            output = parallel(ids, mask)
        loss = functional.cross_entropy(
            output[:, :-1], self.wanted[place], label_smoothing=settings.label_smoothing, reduction="sum"
        )
        if self.rating is not None:
            squares = functional.mse_loss(output[:, -1], self.rating[place], reduction="sum")
            loss = loss + settings.rating_weight * squares
        # A mean over the whole batch; DDP takes the mean over the processes, whose shares may differ in size.
        loss = loss / size
        (loss * world.size).backward()  # type: ignore[no-untyped-call]  # torch
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip, foreach=True)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.detach()

    def _judge(self, validation: TrainingData, headline: str, batches: int, bar: "tqdm[Any]") -> None:
        """Score the validation split, add to the curve, and keep the weights if they are the best."""
        progress = self.progress
        outputs = self._predict(validation)
        probabilities = softmax(outputs[:, :-1])
        loss = log_loss(validation.actual, probabilities)
        if not math.isfinite(loss):
            raise diverged("encoder", progress.epoch)
        score = validation.score(headline, probabilities)
        progress.curve.append(curve_point(progress.epoch, "training", progress.loss / batches, score))
        progress.curve.append(curve_point(progress.epoch, "validation", loss, score))
        # By the score, not the loss: a fine-tuned network becomes overconfident before its answers get worse.
        if progress.best_score is None or score > progress.best_score:
            progress.best_score, progress.best_epoch = score, progress.epoch + 1
            self._keep()
            self.kept["held_out"] = torch.from_numpy(np.ascontiguousarray(outputs[:, :-1]))
        bar.set_postfix_str(f"loss {loss:.4f}{self._best()}")

    def _predict(self, data: TrainingData) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Scores of all texts, each process doing its share."""
        self.network.eval()
        own = process_share(np.arange(len(data.actual)), self.world.rank, self.world.size)
        with torch.inference_mode():
            part = predict_scores(self.network, data.features.select(own), self.world.device, self.bfloat16)
        return self.world.all_gather(part, len(data.actual))

    def _keep(self) -> None:
        held_out = {name: value for name, value in self.kept.items() if name == "held_out"}
        self.kept.clear()
        self.kept |= {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
        self.kept |= held_out

    def _time_to_save(self) -> bool:
        """True if the last checkpoint is old enough; several processes agree on it every `_LOOK` steps alone."""
        if self.world.size > 1 and self.progress.step % _LOOK:
            return False
        return self.world.broadcast(monotonic() - self.saved >= 60 * self.params.encoder.save_minutes)

    def _save(self) -> None:
        self.progress.seconds += monotonic() - self.saved
        self.saved = monotonic()
        if self.world.is_main:
            resume.save(self.file, self.progress, self.tensors)
        self.world.barrier()

    def _parallel(self) -> nn.Module:
        if self.world.size == 1:
            return self.network
        devices = [self.world.device] if self.world.device.type == "cuda" else None
        # Its buffers are constants: token types and places.
        return DistributedDataParallel(
            self.network, device_ids=devices, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

    def _bar(self, steps: int) -> "tqdm[Any]":
        done = self.progress.epoch * -(-len(self.data.actual) // self.params.encoder.batch_size) + self.progress.step
        quiet = None if self.world.is_main else True
        return tqdm(total=steps, initial=done, desc="encoder", unit="step", disable=quiet, leave=False)

    def _best(self) -> str:
        found = [one for one in self.progress.curve if one["on"] == "validation"]
        return f", best {max(one['validation_headline'] for one in found):.4f}" if found else ""
