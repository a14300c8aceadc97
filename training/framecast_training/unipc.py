"""
Noise levels and the sampler that goes through them, as framecast's engine has them (`src/engine/sampling/schedule.ts`,
`unipc.ts`): "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models", arXiv 2302.04867,
multistep with data prediction, B(h) = h, order 3, and λ(σ) = −ln σ for flow matching.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST_ORDER = 3


def sigma_schedule(steps: int, shift: float) -> Tensor:
    """@steps + 1 noise levels from 1 down to 0, float32. @shift of time, exp μ"""
    t = torch.linspace(1, 0, steps + 1)
    return shift / (shift + (1 / t - 1))


def sample(denoised: Callable[[Tensor, float], Tensor], noise: Tensor, sigmas: Tensor) -> Tensor:
    """
    What @noise becomes, in as many calls as there are noise levels above 0.
    @denoised predicts what is under the noise of a state, at its noise level
    """
    order = max(1, min(LARGEST_ORDER, len(sigmas) - 2))
    state, outputs = noise, [denoised(noise, float(sigmas[0]))]
    for step in range(1, len(sigmas) - 1):
        predictor, corrector = updates(sigmas[step - len(outputs):step + 1])
        outputs.append(denoised(predictor(state, outputs), float(sigmas[step])))
        state = corrector(state, outputs)
        outputs = outputs[-order:]
    return outputs[-1]


@dataclass(frozen=True)
class Update:
    """A new state as a weighted sum of the old one and the outputs, oldest first."""

    state: float
    outputs: tuple[float, ...]

    def __call__(self, state: Tensor, outputs: list[Tensor]) -> Tensor:
        """Summed in float64, so that a graphics processor rounds as the engine does."""
        total = self.state * state.double()
        for weight, output in zip(self.outputs, outputs, strict=True):
            total += weight * output.double()
        return total.float()


def updates(sigmas: Tensor) -> tuple[Update, Update]:
    """
    Predictor and corrector, which has the new level's output too. Scalars are float32 as in the published sampler: for short
    steps the moments cancel, and rounding shows.
    @sigmas levels of the past outputs, oldest first, then the new level
    """
    order = len(sigmas) - 1
    lambdas = -sigmas.log()
    h = lambdas[-1] - lambdas[-2]
    distances = (torch.cat((lambdas[:-2].flip(0), lambdas[-1:])) - lambdas[-2]) / h
    phi = torch.expm1(-h)
    moments = _moments(order, -h, phi)
    half = torch.tensor([0.5], dtype=torch.float64)
    predictor = half if order == 2 else _coefficients(distances[:-1], moments[:-1])
    corrector = half if order == 1 else _coefficients(distances, moments)
    state = float(sigmas[-1] / sigmas[-2])

    def update(rho: Tensor) -> Update:
        """x ← (σ/σ_a) x − φ₁ m_a + h Σ ρ_k (m_k − m_a) / r_k, where m_a is the last past output."""
        weights = (h.double() * rho / distances[:len(rho)].double()).tolist()
        past, new = weights[:order - 1], weights[order - 1:]
        return Update(state, (*reversed(past), -float(phi) - sum(weights), *new))

    return update(predictor), update(corrector)


def _moments(order: int, hh: Tensor, phi: Tensor) -> Tensor:
    """b_k = g_k k! / hh, where g_1 = φ₁ / hh − 1 and g_{k+1} = g_k / hh − 1 / (k + 1)!."""
    moments, g, factorial = [], phi / hh - 1, 1
    for k in range(1, order + 1):
        moments.append(g * factorial / hh)
        factorial *= k + 1
        g = g / hh - 1 / factorial
    return torch.stack(moments)


def _coefficients(distances: Tensor, moments: Tensor) -> Tensor:
    """ρ of Σ_j r_j^k ρ_j = b_k, k = 0, 1, …, solved in float64."""
    if len(distances) == 0:
        return torch.empty(0, dtype=torch.float64)
    powers = torch.linalg.vander(distances.double()).T
    return torch.linalg.solve(powers, moments.double())
