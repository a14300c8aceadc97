"""Muon: momentum whose matrices are made orthogonal before they are used (K. Jordan, 2024).

Learns a small transformer in about half the samples that AdamW needs. Kernels of convolutions are matrices too: a row for
each output. For everything else AdamW stays.
"""

from collections import defaultdict

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .ranks import has_bfloat16_products, rank_count


def orthogonal(matrices: Tensor, iterations: int = 5) -> Tensor:
    """
    The nearest matrix with all singular values about 1, by a quintic Newton–Schulz iteration.
    @matrices [rows, columns], or many of one size [batch, rows, columns]
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16() if has_bfloat16_products(matrices.device.type) else matrices.float()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Ranks share the work: each makes every n-th matrix orthogonal."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            parameters, rate = group["params"], group["lr"]
            torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
            for parameter, update in zip(parameters, self._updates(group)):
                # As large as an update of AdamW (Moonlight, arXiv 2502.16982).
                longest = max(parameter.shape[0], parameter[0].numel())
                parameter.add_(update, alpha=-rate * 0.2 * longest ** 0.5)

    def _updates(self, group: dict) -> list[Tensor]:
        ranks = rank_count()
        rank = dist.get_rank() if ranks > 1 else 0
        parameters = group["params"]
        wanted = self._wanted(group)
        sizes = [parameter.numel() for parameter in parameters]
        flat = torch.zeros(sum(sizes), device=parameters[0].device)
        updates = [part.view_as(parameter) for part, parameter in zip(flat.split(sizes), parameters)]
        # Matrices of one size in one batch: on a GPU the many small products take longer to start than to compute.
        of_size: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, parameter in enumerate(parameters):
            if index % ranks == rank:
                of_size[parameter.shape[0], parameter[0].numel()].append(index)
        for indices in of_size.values():
            made = orthogonal(torch.stack([wanted[index].flatten(1) for index in indices]))
            for index, update in zip(indices, made):
                updates[index].copy_(update.view_as(updates[index]))
        if ranks > 1:
            dist.all_reduce(flat)
        return updates

    def _wanted(self, group: dict) -> list[Tensor]:
        """Gradients with Nesterov's momentum."""
        gradients = [parameter.grad for parameter in group["params"]]
        for parameter in group["params"]:
            if "momentum" not in self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in group["params"]]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        return torch._foreach_lerp(gradients, momenta, group["momentum"])
