"""FramePack's transformer, written for training on batches whose samples all have as many tokens.

Same tensors under the same names as the published `HunyuanVideoTransformer3DModelPacked` (a test holds it equal to
diffusers' `HunyuanVideoFramepackTransformer3DModel`). Samples of a batch have captions of one length and one schedule, so
attention needs no mask, and the text's end needs no padding.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import AdaNorm, GeluMlp, Mlp2, RmsNorm, attend, modulated, patches, rotate, sinusoid, split_heads


@dataclass(frozen=True)
class TransformerShape:
    heads: int = 4
    head_dim: int = 32
    dual_blocks: int = 2
    single_blocks: int = 4
    refiner_blocks: int = 2
    rope_axes: tuple[int, int, int] = (12, 10, 10)
    text_dim: int = 64
    pooled_dim: int = 64
    image_dim: int = 96
    mlp_ratio: float = 4.0
    rope_theta: float = 256.0

    @property
    def width(self) -> int:
        return self.heads * self.head_dim

    def config(self) -> dict:
        """`transformer/config.json`"""
        return {
            "_class_name": "HunyuanVideoTransformer3DModelPacked",
            "_diffusers_version": "0.33.1",
            "attention_head_dim": self.head_dim,
            "guidance_embeds": True,
            "has_clean_x_embedder": True,
            "has_image_proj": True,
            "image_proj_dim": self.image_dim,
            "in_channels": 16,
            "mlp_ratio": self.mlp_ratio,
            "num_attention_heads": self.heads,
            "num_layers": self.dual_blocks,
            "num_refiner_layers": self.refiner_blocks,
            "num_single_layers": self.single_blocks,
            "out_channels": 16,
            "patch_size": 2,
            "patch_size_t": 1,
            "pooled_projection_dim": self.pooled_dim,
            "qk_norm": "rms_norm",
            "rope_axes_dim": list(self.rope_axes),
            "rope_theta": self.rope_theta,
            "text_embed_dim": self.text_dim,
        }


@dataclass
class History:
    """Latents of the three groups [batch, 16, frames, height, width], 1× with the start frame first; and their places."""

    clean1x: Tensor
    clean2x: Tensor
    clean4x: Tensor


@dataclass
class Places:
    """Positions on the time axis, alike for a whole batch."""

    noisy: tuple[int, ...]
    clean1x: tuple[int, ...]
    clean2x: tuple[int, ...]
    clean4x: tuple[int, ...]


@dataclass
class Conditions:
    text: Tensor
    """LLaMA states [batch, tokens, text_dim]"""
    pooled: Tensor
    """CLIP's [batch, pooled_dim]"""
    image: Tensor
    """SigLIP states [batch, tokens, image_dim]"""
    guidance: Tensor = field(default_factory=lambda: torch.tensor([9984.0]))
    """As the network gets it: 1000 × 10 in bfloat16."""


class ConditionEmbedding(nn.Module):
    """`time_text_embed` of the transformer, and without guidance that of the token refiner."""

    def __init__(self, width: int, text_dim: int, guided: bool):
        super().__init__()
        self.timestep_embedder = Mlp2(256, width)
        if guided:
            self.guidance_embedder = Mlp2(256, width)
        self.text_embedder = Mlp2(text_dim, width)

    def forward(self, timestep: Tensor, text: Tensor, guidance: Tensor | None = None) -> Tensor:
        time = self.timestep_embedder(sinusoid(timestep))
        if guidance is not None:
            time = time + self.guidance_embedder(sinusoid(guidance))
        return time + self.text_embedder(text)


class RefinerBlock(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.Module()
        for name in ("to_q", "to_k", "to_v"):
            self.attn.add_module(name, nn.Linear(width, width))
        self.attn.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.ff = GeluMlp(width, 4 * width, silu=True)
        self.norm_out = nn.Module()
        self.norm_out.linear = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y, a = self.norm1(x), self.attn
        attended = attend(*(split_heads(f(y), self.heads) for f in (a.to_q, a.to_k, a.to_v)))
        first, second = self.norm_out.linear(F.silu(condition)).unsqueeze(1).chunk(2, -1)
        x = x + first * a.to_out[0](attended)
        return x + second * self.ff(self.norm2(x))


class TokenRefiner(nn.Module):
    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.time_text_embed = ConditionEmbedding(shape.width, shape.text_dim, guided=False)
        self.proj_in = nn.Linear(shape.text_dim, shape.width)
        self.token_refiner = nn.Module()
        self.token_refiner.refiner_blocks = nn.ModuleList(
            [RefinerBlock(shape.width, shape.heads) for _ in range(shape.refiner_blocks)])

    def forward(self, text: Tensor, timestep: Tensor) -> Tensor:
        condition = self.time_text_embed(timestep, text.mean(1))
        x = self.proj_in(text)
        for block in self.token_refiner.refiner_blocks:
            x = block(x, condition)
        return x


class JointAttention(nn.Module):
    """Weights of a dual block's attention."""

    def __init__(self, width: int, head_dim: int):
        super().__init__()
        for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"):
            self.add_module(name, nn.Linear(width, width))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        for name in ("norm_q", "norm_k", "norm_added_q", "norm_added_k"):
            self.add_module(name, RmsNorm(head_dim))


class DualBlock(nn.Module):
    def __init__(self, shape: TransformerShape):
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm1 = AdaNorm(width, 6)
        self.norm1_context = AdaNorm(width, 6)
        self.attn = JointAttention(width, shape.head_dim)
        self.ff = GeluMlp(width, int(shape.mlp_ratio * width))
        self.ff_context = GeluMlp(width, int(shape.mlp_ratio * width))

    def forward(self, x: Tensor, c: Tensor, condition: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        a = self.attn
        shift1, scale1, gate1, shift2, scale2, gate2 = self.norm1(condition)
        c_shift1, c_scale1, c_gate1, c_shift2, c_scale2, c_gate2 = self.norm1_context(condition)
        n, cn = modulated(x, shift1, scale1), modulated(c, c_shift1, c_scale1)
        q, k, v = (split_heads(f(n), self.heads) for f in (a.to_q, a.to_k, a.to_v))
        cq, ck, cv = (split_heads(f(cn), self.heads) for f in (a.add_q_proj, a.add_k_proj, a.add_v_proj))
        q, k = rotate(a.norm_q(q), rope), rotate(a.norm_k(k), rope)
        q, k = torch.cat((q, a.norm_added_q(cq)), 2), torch.cat((k, a.norm_added_k(ck)), 2)
        attended = attend(q, k, torch.cat((v, cv), 2))
        x = x + gate1 * a.to_out[0](attended[:, :x.shape[1]])
        c = c + c_gate1 * a.to_add_out(attended[:, x.shape[1]:])
        x = x + gate2 * self.ff(modulated(x, shift2, scale2))
        return x, c + c_gate2 * self.ff_context(modulated(c, c_shift2, c_scale2))


class SingleBlock(nn.Module):
    def __init__(self, shape: TransformerShape):
        super().__init__()
        width, inner = shape.width, int(shape.mlp_ratio * shape.width)
        self.heads = shape.heads
        self.norm = AdaNorm(width, 3)
        self.attn = nn.Module()
        for name in ("to_q", "to_k", "to_v"):
            self.attn.add_module(name, nn.Linear(width, width))
        self.attn.norm_q, self.attn.norm_k = RmsNorm(shape.head_dim), RmsNorm(shape.head_dim)
        self.proj_mlp = nn.Linear(width, inner)
        self.proj_out = nn.Linear(width + inner, width)

    def forward(self, z: Tensor, condition: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        a = self.attn
        shift, scale, gate = self.norm(condition)
        n = modulated(z, shift, scale)
        q, k, v = (split_heads(f(n), self.heads) for f in (a.to_q, a.to_k, a.to_v))
        q, k = a.norm_q(q), a.norm_k(k)
        image = rope[0].shape[0]
        q = torch.cat((rotate(q[:, :, :image], rope), q[:, :, image:]), 2)
        k = torch.cat((rotate(k[:, :, :image], rope), k[:, :, image:]), 2)
        both = torch.cat((attend(q, k, v), F.gelu(self.proj_mlp(n), approximate="tanh")), -1)
        return z + gate * self.proj_out(both)


class CleanEmbedder(nn.Module):
    """`clean_x_embedder`: history at full, half and quarter resolution."""

    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv3d(16, width, (1, 2, 2), (1, 2, 2))
        self.proj_2x = nn.Conv3d(16, width, (2, 4, 4), (2, 4, 4))
        self.proj_4x = nn.Conv3d(16, width, (4, 8, 8), (4, 8, 8))


class ImageProjection(nn.Module):
    def __init__(self, inner: int, width: int):
        super().__init__()
        self.up = nn.Linear(inner, 3 * width)
        self.down = nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.up(x)))


class FramePackTransformer(nn.Module):
    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.shape = shape
        width = shape.width
        self.x_embedder = nn.Module()
        self.x_embedder.proj = nn.Conv3d(16, width, (1, 2, 2), (1, 2, 2))
        self.context_embedder = TokenRefiner(shape)
        self.time_text_embed = ConditionEmbedding(width, shape.pooled_dim, guided=True)
        self.transformer_blocks = nn.ModuleList([DualBlock(shape) for _ in range(shape.dual_blocks)])
        self.single_transformer_blocks = nn.ModuleList([SingleBlock(shape) for _ in range(shape.single_blocks)])
        self.norm_out = AdaNorm(width, 2)
        self.proj_out = nn.Linear(width, 64)
        self.image_projection = ImageProjection(shape.image_dim, width)
        self.clean_x_embedder = CleanEmbedder(width)

    def forward(
        self, latents: Tensor, timestep: Tensor, conditions: Conditions, history: History | None, rope: tuple[Tensor, Tensor],
    ) -> Tensor:
        """
        @latents noisy [batch, 16, frames, height, width]
        @timestep [batch], 1000 σ
        @rope of `rotary_table`, for [4× | 2× | 1× | window]
        @returns the velocity, shaped as the latents
        """
        _, _, frames, height, width = latents.shape
        x = patches(self.x_embedder.proj, latents)
        window = x.shape[1]
        if history is not None:
            clean = self.clean_x_embedder
            groups = ((clean.proj_4x, history.clean4x), (clean.proj_2x, history.clean2x), (clean.proj, history.clean1x))
            x = torch.cat((*(patches(conv, latents) for conv, latents in groups if latents.shape[2] > 0), x), 1)
        condition = self.time_text_embed(timestep, conditions.pooled, conditions.guidance.expand(len(timestep)))
        context = torch.cat((self.image_projection(conditions.image), self.context_embedder(conditions.text, timestep)), 1)
        for block in self.transformer_blocks:
            x, context = block(x, context, condition, rope)
        z = torch.cat((x, context), 1)
        for block in self.single_transformer_blocks:
            z = block(z, condition, rope)
        scale, shift = self.norm_out(condition)
        last = x.shape[1]
        y = self.proj_out(modulated(z[:, last - window:last], shift, scale).float())
        y = y.view(-1, frames, height // 2, width // 2, 16, 2, 2).permute(0, 4, 1, 2, 5, 3, 6)
        return y.reshape(latents.shape)
