"""Where the transformer's training starts.

Three of four heads begin as attention to places: their queries and keys are constants that only the rotation tells apart,
one head's in space, one's in space and time, one's in time. A network this small finds out late that a pixel continues the
same place of the past; here it knows from the start. Blocks begin nearly as identities.
"""

import torch
from torch import nn

from .transformer import FramePackTransformer

PLACE_SHARPNESS = 1.5
GATE = 0.3


@torch.no_grad()
def start(model: FramePackTransformer) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.7 / module.in_features**0.5)
            nn.init.zeros_(module.bias)
    for block in model.transformer_blocks:
        _identity(block.norm1.linear, (2, 5), 6)
        _identity(block.norm1_context.linear, (2, 5), 6)
        _attend_to_places(model, block.attn)
    for block in model.single_transformer_blocks:
        _identity(block.norm.linear, (2,), 3)
        _attend_to_places(model, block.attn)
    for block in model.context_embedder.token_refiner.refiner_blocks:
        _identity(block.norm_out.linear, (0, 1), 2)
    nn.init.zeros_(model.norm_out.linear.weight)
    nn.init.normal_(model.proj_out.weight, std=0.02)
    _embed_history_as_window(model)


def _identity(linear: nn.Linear, gates: tuple[int, ...], vectors: int) -> None:
    """Modulation that depends on nothing yet, with gates ajar."""
    linear.weight.zero_()
    linear.bias.zero_()
    for gate in gates:
        linear.bias.view(vectors, -1)[gate] = GATE


def _attend_to_places(model: FramePackTransformer, attention: nn.Module) -> None:
    time, rows, _ = (axis // 2 for axis in model.shape.rope_axes)
    fast_space = [time, time + 1, time + rows, time + rows + 1]
    pairs_of_heads = [fast_space, [0, 1, *fast_space], [0, 1, 2]]
    for head, pairs in enumerate(pairs_of_heads[:model.shape.heads - 1]):
        rows_of_head = slice(head * model.shape.head_dim, (head + 1) * model.shape.head_dim)
        for linear in (attention.to_q, attention.to_k):
            linear.weight[rows_of_head] *= 0.2
            constant = torch.zeros(model.shape.head_dim)
            constant[[2 * pair for pair in pairs]] = 1.0
            linear.bias[rows_of_head] = constant
    attention.norm_q.weight.fill_(PLACE_SHARPNESS)
    attention.norm_k.weight.fill_(PLACE_SHARPNESS)


def _embed_history_as_window(model: FramePackTransformer) -> None:
    """A coarser patch of the past is the mean of the finer ones."""
    fine = model.x_embedder.proj
    nn.init.normal_(fine.weight, std=1 / 64**0.5)
    nn.init.zeros_(fine.bias)
    clean = model.clean_x_embedder
    for conv, repeats in ((clean.proj, (1, 1, 1)), (clean.proj_2x, (2, 2, 2)), (clean.proj_4x, (4, 4, 4))):
        time, rows, columns = repeats
        conv.weight.copy_(fine.weight.repeat(1, 1, time, rows, columns) / (time * rows * columns))
        conv.bias.copy_(fine.bias)
