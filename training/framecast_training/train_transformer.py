"""Trains the transformer and its encoders by flow matching (arXiv 2210.02747) on the pool of clips."""

import ctypes
import math
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from . import checkpoint
from .muon import Muon
from .packing import WINDOW, grouped, places
from .pool import Pool, parts_of
from .ranks import Average, Budget, average_gradients, device_of, mixed_precision, rank_count
from .rotary import rotary_table
from .texts import Encoders, Texts, no_grad_for_unused
from .transformer import Conditions, FramePackTransformer, TransformerShape
from .transformer_start import start as start_weights

GUIDANCE = 9984.0
"""The one value trained on: 1000 × 10, in bfloat16."""


def flow_shift(tokens: int) -> float:
    """exp μ, FramePack `calculate_flux_mu`."""
    slope = (1.15 - 0.5) / (4096 - 256)
    return math.exp(min(slope * (tokens - 256) + 0.5, math.log(7.0)))


def weights_to_begin_with(work: Path, begin: str) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint in the work folder, or those of a published model folder."""
    if (work / begin).is_file():
        return checkpoint.load(work / begin)["average"]
    folder, weights = Path(begin), {}
    for part, prefix in (("transformer", "transformer."), ("text_encoder", "encoders.text_encoder."),
                         ("text_encoder_2", "encoders.text_encoder_2."), ("image_encoder", "encoders.image_encoder.")):
        name = "diffusion_pytorch_model" if part == "transformer" else "model"
        file = folder / part / f"{name}.safetensors"
        if not file.is_file():
            raise checkpoint.CheckpointFault(f"Cannot begin with {begin}: it is neither a checkpoint in {work} nor a model folder")
        weights |= {prefix + key: value.float() for key, value in load_file(file).items()}
    return weights


@dataclass(frozen=True)
class Kind:
    """What the samples of a batch have in common."""

    schedule: str
    padding: int | None
    tokens: int
    """Of the caption in its template"""
    is_first: bool


class Sampler:
    """
    Batches whose samples are alike in schedule, padding and length of caption, and differ in all else.

    With a past to go on, a motion can be seen, and words say nothing new. Only sections made first teach what words mean, so
    they are drawn more often than they occur (`first_share`).
    """

    def __init__(self, pool: Pool, captions: "Captions", schedule: str, rng: np.random.Generator, first_share: float):
        self.rng = rng
        entries: dict[Kind, list[tuple[int, int]]] = defaultdict(list)
        for number, (clip, place) in enumerate(pool.places):
            for text in pool.captions[clip] if place.schedule == schedule else ():
                caption = captions.number[text]
                kind = Kind(schedule, place.padding, captions.lengths[caption], place.is_first)
                entries[kind].append((number, caption))
        kept = {kind: np.array(rows) for kind, rows in entries.items() if len(rows) >= 8}
        self.kinds, self.rows = list(kept), list(kept.values())
        sizes = np.array([len(rows) for rows in self.rows], dtype=float)
        first = np.array([kind.is_first for kind in self.kinds])
        shares = np.where(first, first_share / max(sizes[first].sum(), 1), (1 - first_share) / max(sizes[~first].sum(), 1))
        self.chances = sizes * shares / (sizes * shares).sum()

    def draw(self, count: int) -> tuple[Kind, np.ndarray]:
        """Places of the pool and captions [count, 2], by number."""
        kind = int(self.rng.choice(len(self.kinds), p=self.chances))
        rows = self.rows[kind]
        return self.kinds[kind], rows[self.rng.integers(len(rows), size=count)]


class Captions:
    """All captions of a pool as ids, on the device that trains."""

    def __init__(self, pool: Pool, texts: Texts, device: str | torch.device):
        unique = list(dict.fromkeys(text for captions in pool.captions for text in captions))
        self.number = {text: number for number, text in enumerate(unique)}
        llama = texts.many_llama_ids(unique)
        self.lengths = [len(ids) for ids in llama]
        self.llama = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in llama], batch_first=True).to(device)
        self.clip = torch.tensor([texts.clip_ids(text) for text in unique]).to(device)


class Corruption:
    """What is done to the past in training, so that at inference its faults are not copied (FramePack's drift, noisy history)."""

    def __init__(self, strength: float):
        self.strength = strength

    def history(self, latents: Tensor) -> Tensor:
        share = 0.25 * self.strength * one_each(latents) * (one_each(latents) < 0.6)
        empty = (latents == 0).all((1, 3, 4), keepdim=True)
        return torch.where(empty, latents, (1 - 0.3 * share) * latents + share * torch.randn_like(latents))

    def start(self, latents: Tensor) -> Tensor:
        chosen = one_each(latents) < 0.3
        return latents + 0.05 * self.strength * chosen * torch.randn_like(latents)


def one_each(latents: Tensor) -> Tensor:
    """A random number for each sample."""
    return torch.rand(len(latents), 1, 1, 1, 1, device=latents.device)


class TransformerTraining:
    """One rank. With two, the first sees the forward schedule and the second the inverted one, so each step sees both."""

    def __init__(self, rank: int, settings: dict, work: Path):
        self.rank, self.settings, self.file = rank, settings, work / settings.get("file", "transformer.pt")
        torch.manual_seed(settings["seed"])
        texts = Texts(work / "model")
        self.model = FramePackTransformer(TransformerShape(**settings.get("shape", {})))
        self.encoders = Encoders(len(texts.clip))
        start_weights(self.model)
        no_grad_for_unused(self.encoders)
        self.device = device_of(settings)
        self.both = nn.ModuleDict({"transformer": self.model, "encoders": self.encoders}).to(self.device)
        self.average = Average(self.both, settings.get("average", 0.998))
        matrices, rest = self._split()
        self.parameters = [*matrices, *rest]
        self.optimizers = [Muon(matrices, settings["rate"]),
                           torch.optim.AdamW(rest, settings["rate"] / 2, betas=(0.9, 0.97), weight_decay=0.0, fused=True)]
        self.step, self.share = 0, 0.0
        self.resume(work)
        seed = (settings["seed"], rank, self.step)
        schedules = tuple(settings.get("schedules", ("forward", "inverted")))
        if rank_count() == 2 and len(schedules) == 2:
            schedules = (schedules[rank],)
        self.texts = texts
        self.pool_folder, self.schedules, self.rng = work / "pool", schedules, np.random.default_rng(seed)
        torch.manual_seed(1 + 1000 * rank + self.step)
        self.reload()
        self.corruption = Corruption(settings.get("corruption", 1.0))
        self.ropes: dict[tuple, tuple[Tensor, Tensor]] = {}
        self.channel_weights = torch.load(work / "channel_weights.pt").view(1, -1, 1, 1, 1).to(self.device)

    def reload(self) -> None:
        """The pool as far as it is made."""
        files = parts_of(self.pool_folder)
        self.parts = len(files)
        self.pool = Pool(files, self.device)
        self.captions = Captions(self.pool, self.texts, self.device)
        first_share = self.settings.get("first_share", 0.5)
        self.samplers = [Sampler(self.pool, self.captions, schedule, self.rng, first_share) for schedule in self.schedules]

    def _split(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        matrices, rest = [], []
        for name, parameter in self.both.named_parameters():
            if not parameter.requires_grad:
                continue
            inside = parameter.ndim == 2 and "embed" not in name.split(".")[-2] and "blocks" in name
            (matrices if inside else rest).append(parameter)
        return matrices, rest

    def resume(self, work: Path) -> None:
        state = checkpoint.load(self.file)
        begin = self.settings.get("begin_with")
        if state is None and begin:
            self.both.load_state_dict(weights_to_begin_with(work, begin), strict=False)
            self.average.weights = {name: value.clone() for name, value in self.both.state_dict().items()}
            return
        if state is None:
            return
        self.both.load_state_dict(state["both"])
        self.average.weights = {name: value.to(self.device) for name, value in state["average"].items()}
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.step, self.share = state["step"], state["share"]

    def save(self) -> None:
        if self.rank == 0:
            checkpoint.save(self.file, {
                "both": self.both.state_dict(), "average": self.average.weights, "step": self.step, "share": self.share,
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            })

    def train(self) -> None:
        settings = self.settings
        budget = Budget(settings.get("steps"), settings.get("minutes"), self.share)
        told, saved, errors, begun = time.monotonic(), time.monotonic(), [], self.step
        while True:
            self.share = budget.share(self.step)
            if self.share >= 1:
                break
            rate = settings["rate"] * rate_share(self.share, self.step, settings.get("flat", 0.5))
            for optimizer, factor in zip(self.optimizers, (1.0, 0.5)):
                for group in optimizer.param_groups:
                    group["lr"] = rate * factor
            errors.append(self.train_step())
            if self.step % 25 == 0:
                give_back_memory()
            now = time.monotonic()
            if now - told > settings.get("tell_seconds", 30):
                samples = settings["batch"] * len(self.schedules) * rank_count()
                speed = (self.step - begun) * samples / (now - told)
                print(f"transformer ({'/'.join(self.schedules)}) {100 * self.share:.0f} %, step {self.step}: "
                      f"velocity error {torch.stack(errors).mean():.4f}, {speed:.1f} samples/s", flush=True)
                told, errors, begun = now, [], self.step
                if len(parts_of(self.pool_folder)) > 1.15 * self.parts:
                    self.reload()
            if now - saved > 120:
                self.save()
                saved = now
        self.save()

    def train_step(self) -> Tensor:
        """A batch of each of the rank's schedules."""
        errors = []
        for sampler in self.samplers:
            loss, error = self.loss(*sampler.draw(self.settings["batch"]))
            (loss / len(self.samplers)).backward()
            errors.append(error)
        average_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.average.update(self.both, self.step)
        return torch.stack(errors).mean()

    def loss(self, kind: Kind, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """What is made small, and the velocity's mean square error. @rows of `Sampler.draw`"""
        numbers = torch.from_numpy(rows).to(self.device)
        clean, first, context, pictures = self.pool.batch(numbers[:, 0])
        count = len(rows)
        strata = (torch.arange(count, device=self.device) + torch.rand(count, device=self.device)) / count
        shift = flow_shift(WINDOW * (clean.shape[-1] // 2) * (clean.shape[-2] // 2))
        sigma = shift * strata / (1 + (shift - 1) * strata)
        noise = torch.randn_like(clean)
        noisy = torch.lerp(clean, noise, sigma.view(-1, 1, 1, 1, 1))
        with mixed_precision(self.device):
            history = grouped(kind.schedule, self.corruption.start(first), self.corruption.history(context))
            ids = self.captions.llama[numbers[:, 1], :kind.tokens], self.captions.clip[numbers[:, 1]]
            conditions = conditions_of(self.encoders, self.texts.crop, *ids, pictures)
            velocity = self.model(noisy, 1000 * sigma, conditions, history, self._rope(kind, clean.shape))
        squares = (velocity.float() - (noise - clean)).square()
        return (squares * motion_weight(clean, first) * self.channel_weights).mean(), squares.mean().detach()

    def _rope(self, kind: Kind, shape: torch.Size) -> tuple[Tensor, Tensor]:
        key = (kind.schedule, kind.padding)
        if key not in self.ropes:
            self.ropes[key] = rotary_table(self.model.shape, places(*key), shape[-2], shape[-1], self.device)
        return self.ropes[key]


def conditions_of(encoders: Encoders, crop: int, llama: Tensor, clip: Tensor, pictures: Tensor) -> Conditions:
    """
    @crop tokens of the template before the captions
    @llama @clip ids [batch, tokens], captions of one length
    @pictures uint8 [batch, 3, height, width]
    """
    guidance = torch.tensor([GUIDANCE], device=pictures.device)
    return Conditions(encoders.text(llama, crop), encoders.pooled(clip), encoders.image(pictures), guidance)


def motion_weight(clean: Tensor, first: Tensor) -> Tensor:
    """Up to three times where the picture differs from the start; 1 on average."""
    difference = (clean - first).square().mean(1, keepdim=True).sqrt()
    weight = 1 + 2 * difference.clamp(max=1)
    return weight / weight.mean()


def give_back_memory() -> None:
    """To the system, what glibc keeps: batches of ever new lengths leave it holes that add up to gigabytes."""
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def rate_share(share: float, step: int, flat: float) -> float:
    """Warm-up, flat, then straight to nothing."""
    return min(1.0, (step + 1) / 80) * min(1.0, max(0.01, (1 - share) / (1 - flat)))


def work_transformer(rank: int, settings: dict, work: Path) -> None:
    TransformerTraining(rank, settings, work).train()
