"""The networks as written for training are those of diffusers, tensor for tensor and number for number."""

import pytest
import torch

from framecast_training.packing import places
from framecast_training.rotary import rotary_table
from framecast_training.transformer import Conditions, FramePackTransformer, History, TransformerShape
from framecast_training.vae import SCALING_FACTOR, Autoencoder, VaeShape


@pytest.mark.parametrize("channels,groups", [((8, 16, 32, 64), 1), ((16, 16, 32, 64), 4)])
def test_autoencoder_is_diffusers(channels, groups):
    diffusers = pytest.importorskip("diffusers")
    own = Autoencoder(VaeShape(channels, norm_groups=groups))
    theirs = diffusers.AutoencoderKLHunyuanVideo.from_config(own.shape.config())
    theirs.load_state_dict(own.state_dict())
    for frames in (1, 9):
        clip = torch.rand(1, 3, frames, 48, 32) * 2 - 1
        with torch.no_grad():
            latents = own.encode(clip)
            assert torch.allclose(latents / SCALING_FACTOR, theirs.encode(clip).latent_dist.mode(), atol=2e-5)
            assert torch.allclose(own.decode(latents), theirs.decode(latents / SCALING_FACTOR).sample, atol=2e-4)


@pytest.mark.parametrize("schedule,padding,height,width", [("forward", None, 12, 12), ("inverted", 1, 12, 10)])
def test_transformer_is_diffusers(schedule, padding, height, width):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    own = FramePackTransformer(TransformerShape())
    for parameter in own.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    config = {key: value for key, value in own.shape.config().items() if not key.startswith("_")}
    theirs = diffusers.HunyuanVideoFramepackTransformer3DModel(**config)
    theirs.load_state_dict(own.state_dict())
    at, tokens = places(schedule, padding), 7
    latents = torch.randn(1, 16, 9, height, width)
    history = History(*(torch.randn(1, 16, frames, height, width) for frames in (2, 2, 16)))
    conditions = Conditions(torch.randn(1, tokens, 64), torch.randn(1, 64), torch.randn(1, 16, 96))
    timestep = torch.tensor([736.0])
    mask = torch.zeros(1, 512, dtype=torch.bool)
    mask[:, :tokens] = True
    with torch.no_grad():
        velocity = own(latents, timestep, conditions, history, rotary_table(own.shape, at, height, width))
        expected = theirs(
            hidden_states=latents, timestep=timestep, encoder_attention_mask=mask, guidance=conditions.guidance,
            encoder_hidden_states=torch.cat((conditions.text, torch.zeros(1, 512 - tokens, 64)), 1),
            pooled_projections=conditions.pooled, image_embeds=conditions.image, indices_latents=torch.tensor(at.noisy),
            latents_clean=history.clean1x, indices_latents_clean=torch.tensor(at.clean1x),
            latents_history_2x=history.clean2x, indices_latents_history_2x=torch.tensor(at.clean2x),
            latents_history_4x=history.clean4x, indices_latents_history_4x=torch.tensor(at.clean4x)).sample
    assert torch.allclose(velocity, expected, atol=1e-5)


def test_attention_for_training_is_the_fused_one():
    from framecast_training.layers import attend

    q, k, v = (torch.randn(2, 4, 20, 32) for _ in range(3))
    assert torch.allclose(attend(q.requires_grad_(), k, v), attend(q.detach(), k, v), atol=1e-5)
