"""Times the published networks on request: one JSON line in, one JSON line out.

    python3 main.py MODEL_FOLDER EXCHANGE_FOLDER THREADS SIDE_PX TEXT_TOKENS STEPS

Writes its inputs and float32 results to EXCHANGE_FOLDER/model.safetensors first, so that the other side can compute the same.
Then answers {"part": ..., "variant": "float32" | "bfloat16", "vae": the same} with {"seconds": ...}.
"""

import json
import platform
import sys
import time

import diffusers
import torch
import transformers
from safetensors.torch import save_file

from inputs import inputs_of
from networks import Networks, section

folder, exchange = sys.argv[1:3]
threads, side_px, text_tokens, steps = map(int, sys.argv[3:])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)

inputs = inputs_of(folder, side_px, text_tokens)
networks = {"float32": Networks(folder, torch.float32), "bfloat16": Networks(folder, torch.bfloat16)}
window_and_before = torch.cat([inputs["decoded_window"], inputs["latents"]], dim=2)
parts = {
    "section": lambda n, decoding: section(n, decoding, inputs, steps),
    "transformer": lambda n, _: n.velocity(inputs),
    "vae decode": lambda _, n: n.decode(window_and_before),
    "vae encode": lambda _, n: n.encode_picture(inputs["picture"]),
    "text encoders": lambda n, _: n.encode_text(inputs),
    "image encoder": lambda n, _: n.encode_image(inputs),
}


def answer(message):
    print(json.dumps(message), flush=True)


def to_file():
    exact = networks["float32"]
    states, pooled = exact.encode_text(inputs)
    results = {
        "transformer": exact.velocity(inputs),
        "vae decode": exact.decode(window_and_before),
        "vae encode": exact.encode_picture(inputs["picture"]),
        "text encoders.states": states,
        "text encoders.pooled": pooled,
        "image encoder": exact.encode_image(inputs),
    }
    tensors = {**{f"in.{name}": tensor for name, tensor in inputs.items()},
               "in.decoded_and_window": window_and_before,
               **{f"out.{name}": tensor for name, tensor in results.items()}}
    save_file({name: tensor.contiguous().float() for name, tensor in tensors.items()}, f"{exchange}/model.safetensors")


to_file()
versions = {"python": platform.python_version(), "torch": torch.__version__, "diffusers": diffusers.__version__,
            "transformers": transformers.__version__}
answer({"threads": torch.get_num_threads(), "versions": versions})
for line in sys.stdin:
    request = json.loads(line)
    chosen = networks[request["variant"]], networks[request["vae"]]
    start = time.perf_counter()
    parts[request["part"]](*chosen)
    answer({"seconds": time.perf_counter() - start})
