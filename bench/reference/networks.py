"""The published networks of a model folder, and one section made with them.

Classes of diffusers and transformers, nothing of this project: what a user of the Python packages would run. Work that is not
a network (the sampler's own arithmetic, JPEG, file writing) is left out, which favours this side.
"""

import torch
from diffusers import AutoencoderKLHunyuanVideo, HunyuanVideoFramepackTransformer3DModel
from transformers import CLIPTextModel, LlamaModel, SiglipVisionModel

LATENT_FRAMES = 9
TEXT_PADDED = 512
HIDDEN_STATE = -3


class Networks:
    """All networks of one folder in one dtype; inputs are named tensors in float32 and integers."""

    def __init__(self, folder, dtype):
        self.dtype = dtype
        self.transformer = self.load(HunyuanVideoFramepackTransformer3DModel, f"{folder}/transformer")
        self.vae = self.load(AutoencoderKLHunyuanVideo, f"{folder}/vae")
        # As FramePack's demos do below 60 GB of video memory; the temporal tiles are always on.
        self.vae.enable_tiling()
        self.llama = self.load(LlamaModel, f"{folder}/text_encoder")
        self.clip = self.load(CLIPTextModel, f"{folder}/text_encoder_2")
        self.siglip = self.load(SiglipVisionModel, f"{folder}/image_encoder")

    def load(self, kind, folder):
        return kind.from_pretrained(folder, torch_dtype=self.dtype).eval()

    def velocity(self, x):
        """One forward pass of the transformer -> [1, 16, 9, height, width]."""
        floating = {name: tensor.to(self.dtype) if tensor.is_floating_point() else tensor for name, tensor in x.items()}
        return self.transformer(
            hidden_states=floating["latents"],
            timestep=floating["timestep"],
            guidance=floating["guidance"],
            encoder_hidden_states=floating["text"],
            encoder_attention_mask=floating["text_mask"],
            pooled_projections=floating["pooled"],
            image_embeds=floating["image"],
            indices_latents=floating["indices_window"],
            latents_clean=floating["history_1x"],
            indices_latents_clean=floating["indices_1x"],
            latents_history_2x=floating["history_2x"],
            indices_latents_history_2x=floating["indices_2x"],
            latents_history_4x=floating["history_4x"],
            indices_latents_history_4x=floating["indices_4x"],
            return_dict=False,
        )[0]

    def decode(self, latents):
        """[1, 16, n, height, width] -> pixels [1, 3, 4 n - 3, 8 height, 8 width]."""
        unscaled = latents / self.vae.config.scaling_factor
        return self.vae.decode(unscaled.to(self.dtype), return_dict=False)[0]

    def encode_picture(self, pixels):
        """[1, 3, 1, height, width] in [-1, 1] -> latents."""
        return self.vae.encode(pixels.to(self.dtype)).latent_dist.mode() * self.vae.config.scaling_factor

    def encode_text(self, x):
        """Both text encoders on token ids."""
        states = self.llama(
            input_ids=x["llama_ids"], attention_mask=x["llama_mask"], output_hidden_states=True
        ).hidden_states[HIDDEN_STATE]
        return states, self.clip(input_ids=x["clip_ids"]).pooler_output

    def encode_image(self, x):
        return self.siglip(pixel_values=x["siglip_pixels"].to(self.dtype)).last_hidden_state


def section(networks, decoding, x, steps):
    """One section of the forward schedule: `steps` passes, two windows decoded by `decoding`, frames as uint8."""
    latents = x["latents"]
    for _ in range(steps):
        velocity = networks.velocity({**x, "latents": latents}).float()
        latents = latents - velocity / steps
    pixels = decoding.decode(torch.cat([x["decoded_window"], latents], dim=2)).float()
    return (pixels * 127.5 + 127.5).clamp(0, 255).to(torch.uint8)
