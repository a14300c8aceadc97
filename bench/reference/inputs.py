"""Inputs of the shapes that the embedded model has in every section of the forward schedule, from a fixed seed."""

import json

import torch

from networks import LATENT_FRAMES, TEXT_PADDED


def inputs_of(folder, side_px, text_tokens):
    config = {part: json.load(open(f"{folder}/{part}/config.json")) for part in
              ("transformer", "text_encoder", "text_encoder_2", "image_encoder")}
    transformer, siglip = config["transformer"], config["image_encoder"]
    siglip = siglip.get("vision_config", siglip)
    generator = torch.Generator().manual_seed(1)
    normal = lambda *shape: torch.randn(shape, generator=generator)
    side = side_px // 8
    image_tokens = (siglip["image_size"] // siglip["patch_size"]) ** 2
    text = torch.zeros(1, TEXT_PADDED, transformer["text_embed_dim"])
    text[:, :text_tokens] = normal(1, text_tokens, transformer["text_embed_dim"])
    valid = (torch.arange(TEXT_PADDED) < text_tokens).long()[None]
    llama_tokens = 96 + text_tokens
    return {
        "latents": normal(1, 16, LATENT_FRAMES, side, side),
        "timestep": torch.tensor([752.0]),
        "guidance": torch.tensor([9984.0]),
        "text": text,
        "text_mask": valid,
        "pooled": normal(1, transformer["pooled_projection_dim"]),
        "image": normal(1, image_tokens, transformer["image_proj_dim"]),
        # Start frame, 16 + 2 + 1 latent frames of history, the window: FramePack's forward demo.
        "history_1x": normal(1, 16, 2, side, side),
        "history_2x": normal(1, 16, 2, side, side),
        "history_4x": normal(1, 16, 16, side, side),
        "indices_1x": torch.tensor([0, 19]),
        "indices_4x": torch.arange(1, 17),
        "indices_2x": torch.arange(17, 19),
        "indices_window": torch.arange(20, 29),
        "decoded_window": normal(1, 16, LATENT_FRAMES, side, side),
        "picture": normal(1, 3, 1, side_px, side_px).clamp(-1, 1),
        "llama_ids": torch.randint(0, 1000, (1, llama_tokens), generator=generator),
        "llama_mask": torch.ones(1, llama_tokens, dtype=torch.long),
        "clip_ids": torch.randint(0, 1000, (1, 77), generator=generator),
        "siglip_pixels": normal(1, 3, siglip["image_size"], siglip["image_size"]),
    }
