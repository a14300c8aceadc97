"""Several processes that train one network: on a CPU one thread each, which stay fast beside other work."""

import os
import socket
import time
from collections.abc import Callable, Iterable

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn


def run_ranks(count: int, work: Callable[..., None], *arguments: object) -> None:
    """Calls `work(rank, *arguments)` in each process; an error or an interrupt in one ends all."""
    if count == 1:
        work(0, *arguments)
        return
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ["MASTER_PORT"] = str(free_port())
    context = mp.spawn(_begin, args=(count, work, arguments), nprocs=count, join=False)
    try:
        while not context.join():
            pass
    except KeyboardInterrupt:
        for process in context.processes:
            process.terminate()
        raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _begin(rank: int, count: int, work: Callable[..., None], arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=count)
    try:
        work(rank, *arguments)
    finally:
        dist.destroy_process_group()


def rank_count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Over all ranks. Parameters that a rank did not use count as zero."""
    if not dist.is_initialized():
        return
    parameters = [p for p in parameters if p.requires_grad]
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for parameter in parameters:
        parameter.grad = flat[at:at + parameter.numel()].view_as(parameter)
        at += parameter.numel()


def agree_on(value: float) -> float:
    """The first rank's value, on all of them."""
    if not dist.is_initialized():
        return value
    box = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(box, 0)
    return float(box)


class Budget:
    """How far training is, by steps or by minutes, whichever is set; the same on every rank."""

    def __init__(self, steps: int | None, minutes: float | None, done_share: float = 0.0):
        self.steps, self.minutes, self.before = steps, minutes, done_share
        self.start = time.monotonic()

    def share(self, steps_done: int) -> float:
        """From 0 to 1."""
        if self.minutes is None:
            return min(1.0, steps_done / (self.steps or 1))
        elapsed = (time.monotonic() - self.start) / (60 * self.minutes)
        return min(1.0, agree_on(self.before + elapsed))


class Average:
    """Exponential moving average of weights, which is what is exported."""

    def __init__(self, module: nn.Module, decay: float):
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        values = module.state_dict()
        torch._foreach_lerp_([self.weights[name] for name in values], list(values.values()), 1 - decay)


def device_of(settings: dict) -> str:
    """`cuda` or `cpu`, as configured; `auto`: a GPU where there is one."""
    wanted = settings.get("device", "auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def has_bfloat16_products(device: str) -> bool:
    """A processor without AVX-512 BF16 is four times faster in float32."""
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()


def mixed_precision(device: str = "cpu") -> torch.autocast:
    """Products in bfloat16, where the device has them."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bfloat16_products(device))
