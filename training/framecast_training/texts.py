"""Tokenizers of the two text encoders, trained on captions, and the encoders themselves with the picture's."""

import json

from pathlib import Path

import numpy as np

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, LlamaConfig, LlamaModel, SiglipVisionConfig, SiglipVisionModel

from .captions import caption, every_phrase
from .clips import SpriteBook, draw_motions, draw_speed

TEMPLATE = (
    "<|start_header_id|>system<|end_header_id|>\n\nDescribe the video by detailing the following aspects: "
    "1. The main content and theme of the video.2. The color, shape, size, texture, quantity, text, and spatial "
    "relationships of the objects.3. Actions, events, behaviors temporal relationships, physical movement changes of "
    "the objects.4. background environment, light, style and atmosphere.5. camera angles, movements, and transitions "
    "used in the video:<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
)
"""HunyuanVideo's instruction (diffusers `DEFAULT_PROMPT_TEMPLATE`)."""

LLAMA_WORDS = 1000
LLAMA_SPECIALS = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
    "<|reserved_special_token_2|>", "<|reserved_special_token_3|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|reserved_special_token_4|>", "<|eot_id|>", "<unk>", "<image>", "<pad>",
)
LLAMA_VOCABULARY = 1024
LLAMA_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""LLaMA 3's division of text into words."""

CLIP_WORDS = 1400
CLIP_TOKENS = 77


def corpus(book: SpriteBook, count: int = 20000) -> list[str]:
    """Captions as in training, the template's sentences, and every wording."""
    rng = np.random.default_rng(5)
    names = [subject.name for subject in book.everyone if not subject.held_out]
    texts = [TEMPLATE.format("")] * 50 + every_phrase() * 20
    for _ in range(count):
        motions = draw_motions(rng)
        name = str(rng.choice(names))
        texts.append(caption(motions, draw_speed(rng, motions), (name,), rng))
    return texts


def train_tokenizers(folder: Path, texts: list[str]) -> None:
    """Writes `tokenizer/` and `tokenizer_2/` of a model folder."""
    _train_llama(folder / "tokenizer", texts)
    _train_clip(folder / "tokenizer_2", texts)


def _train_llama(folder: Path, texts: list[str]) -> None:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=LLAMA_WORDS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    plain = [text.replace("<|", " ").replace("|>", " ") for text in texts]
    tokenizer.train_from_iterator(plain, trainer)
    # Specials come after exactly as many words, as in LLaMA 3.
    missing = LLAMA_WORDS - tokenizer.get_vocab_size()
    if missing > 0:
        raise ValueError(f"Only {tokenizer.get_vocab_size()} of {LLAMA_WORDS} words were found in {len(texts)} captions")
    tokenizer.add_special_tokens(list(LLAMA_SPECIALS))
    begin = LLAMA_SPECIALS[0]
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, tokenizer.token_to_id(begin))]),
    ])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": begin, "eos_token": LLAMA_SPECIALS[1], "pad_token": "<pad>", "unk_token": "<unk>"}
    added = {str(tokenizer.token_to_id(text)): {
        "content": text, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True,
    } for text in LLAMA_SPECIALS}
    _write(folder / "tokenizer_config.json", {
        "added_tokens_decoder": added, **special, "clean_up_tokenization_spaces": True, "extra_special_tokens": {},
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 8192, "padding_side": "right",
        "tokenizer_class": "PreTrainedTokenizerFast",
    })
    _write(folder / "special_tokens_map.json", special)


def _train_clip(folder: Path, texts: list[str]) -> None:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=CLIP_WORDS, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator([text.lower() for text in texts], trainer)
    merges = [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    symbols = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(merge) for merge in merges)]
    symbols = list(dict.fromkeys(symbols))
    vocab = {symbol: index for index, symbol in enumerate([*symbols, "<|startoftext|>", "<|endoftext|>"])}
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.json", vocab)
    lines = ["#version: 0.2", *(f"{first} {second}" for first, second in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines))
    marks = {text: {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
             for text in ("<|startoftext|>", "<|endoftext|>")}
    _write(folder / "tokenizer_config.json", {
        "added_tokens_decoder": {str(vocab[text]): {**mark, "special": True} for text, mark in marks.items()},
        "bos_token": "<|startoftext|>", "clean_up_tokenization_spaces": False, "eos_token": "<|endoftext|>",
        "errors": "replace", "extra_special_tokens": {}, "model_max_length": CLIP_TOKENS, "pad_token": "<|endoftext|>",
        "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>",
    })
    _write(folder / "special_tokens_map.json", {
        "bos_token": marks["<|startoftext|>"], "eos_token": marks["<|endoftext|>"], "pad_token": "<|endoftext|>",
        "unk_token": marks["<|endoftext|>"],
    })


def _write(file: Path, value: dict) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n")


class Texts:
    """Captions → ids for both encoders."""

    def __init__(self, folder: Path):
        self.llama = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        self.clip = CLIPTokenizer.from_pretrained(folder / "tokenizer_2")
        before = TEMPLATE.split("{}")[0]
        self.crop = len(self.llama.encode(before).ids)
        """Tokens of the template before the prompt, begin-of-text included."""

    def llama_ids(self, text: str) -> list[int]:
        return self.llama.encode(TEMPLATE.format(text)).ids[:self.crop + 256]

    def many_llama_ids(self, texts: list[str]) -> list[list[int]]:
        """Of each, on all cores."""
        encodings = self.llama.encode_batch([TEMPLATE.format(text) for text in texts])
        return [encoding.ids[:self.crop + 256] for encoding in encodings]

    def clip_ids(self, text: str) -> list[int]:
        return self.clip(text, padding="max_length", truncation=True, max_length=CLIP_TOKENS).input_ids


class Encoders(nn.Module):
    """LLaMA, CLIP text and SigLIP at small size, trained with the transformer."""

    def __init__(self, clip_vocabulary: int):
        super().__init__()
        self.text_encoder = LlamaModel(LlamaConfig(
            hidden_size=64, intermediate_size=160, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
            head_dim=16, vocab_size=LLAMA_VOCABULARY, rms_norm_eps=1e-5, rope_theta=500000.0, bos_token_id=LLAMA_WORDS,
            eos_token_id=LLAMA_WORDS + 1, pad_token_id=LLAMA_WORDS + 12, max_position_embeddings=8192,
        ))
        self.text_encoder_2 = CLIPTextModel(CLIPTextConfig(
            hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=clip_vocabulary,
            projection_dim=64, bos_token_id=clip_vocabulary - 2, eos_token_id=2, pad_token_id=clip_vocabulary - 1,
        ))
        self.image_encoder = SiglipVisionModel(SiglipVisionConfig(
            hidden_size=96, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4, image_size=64, patch_size=16,
        ))

    def text(self, ids: Tensor, crop: int) -> Tensor:
        """States after the second of four layers, as the published model uses the third last; prompt and closing token."""
        return self.text_encoder(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states[-3][:, crop:]

    def pooled(self, ids: Tensor) -> Tensor:
        return self.text_encoder_2(input_ids=ids).pooler_output

    def image(self, picture: Tensor) -> Tensor:
        """@picture uint8 [batch, 3, height, width]"""
        pixels = nn.functional.interpolate(picture.float(), size=(64, 64), mode="bicubic", antialias=True)
        return self.image_encoder(pixel_values=pixels.clamp(0, 255) / 127.5 - 1).last_hidden_state


def parameters_used(encoders: Encoders) -> list[nn.Parameter]:
    """Without the layers of LLaMA whose states nobody reads, and SigLIP's pooling head."""
    unused = ("text_encoder.layers.2.", "text_encoder.layers.3.", "text_encoder.norm.", "image_encoder.vision_model.head.")
    return [parameter for name, parameter in encoders.named_parameters() if not name.startswith(unused)]


def no_grad_for_unused(encoders: Encoders) -> None:
    used = {id(parameter) for parameter in parameters_used(encoders)}
    for parameter in encoders.parameters():
        parameter.requires_grad_(id(parameter) in used)
