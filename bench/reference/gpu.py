"""Times the published transformer in bfloat16 on the GPU, and compares its velocity with another one's.

    python3 gpu.py TRANSFORMER_FOLDER EXCHANGE.safetensors ROUNDS

EXCHANGE holds the inputs by the names of the class's own parameters, in float32, and `velocity`. Prints one JSON line.
Attention is torch's scaled_dot_product_attention, which takes its fastest kernel. Text is not padded: at batch 1 the class crops it.
"""

import json
import sys
import time

import diffusers
import torch
from diffusers import HunyuanVideoFramepackTransformer3DModel
from safetensors.torch import load_file

folder, exchange, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_grad_enabled(False)
inputs = load_file(exchange, device="cuda")
velocity = inputs.pop("velocity")
inputs = {name: tensor.long() if name.startswith("indices") else tensor.to(torch.bfloat16) for name, tensor in inputs.items()}
tokens = inputs["encoder_hidden_states"].shape[1]
inputs["encoder_attention_mask"] = torch.ones(1, tokens, dtype=torch.bool, device="cuda")

transformer = HunyuanVideoFramepackTransformer3DModel.from_pretrained(folder, torch_dtype=torch.bfloat16).to("cuda").eval()
seconds = []
for _ in range(rounds + 1):
    torch.cuda.synchronize()
    start = time.perf_counter()
    published = transformer(**inputs, return_dict=False)[0]
    torch.cuda.synchronize()
    seconds.append(time.perf_counter() - start)

distance = torch.linalg.norm(published.float() - velocity) / torch.linalg.norm(published.float())
print(json.dumps({
    "seconds": seconds[1:],
    "peakBytes": torch.cuda.max_memory_allocated(),
    "distance": distance.item(),
    "versions": {"torch": torch.__version__, "diffusers": diffusers.__version__, "card": torch.cuda.get_device_name()},
}))
