"""Sentences that ask for motions, and sentences that ask for none."""

import re

import numpy as np

from .motions import BY_NAME, MOTIONS, SPEEDS, Speed

GENERIC_NOUNS = ("thing", "figure", "emoji", "sticker", "icon", "subject", "object", "little one", "picture", "character")

OTHER_TEXTS = (
    "", "", "a beautiful photo of a mountain lake at sunset", "hello", "please make a nice video", "cinematic, 4k, masterpiece",
    "un chat qui regarde la mer", "ein ruhiges Bild", "una foto hermosa", "what is this?", "1234567890", "lorem ipsum dolor",
    "a portrait of a woman in the rain", "the quarterly report is due on friday", "猫が好き", "привет", "no motion",
    "standing still", "nothing happens", "it stays where it is", "a calm scene", "text on a screen", "the capital of france",
    "a man sits at his desk and reads the news", "high quality, detailed, sharp focus", "just be yourself", "...", "!!!",
)
"""Prompts outside the grammar; the gentle motion belongs to them."""


def verb(phrase: str, plural: bool) -> str:
    """`jump{s}` → `jumps`, or `jump` for several."""
    if plural:
        return re.sub(r"\{(s|es)\}", "", phrase).replace("{ies}", "y")
    return re.sub(r"\{(\w+)\}", r"\1", phrase)


def caption(
    motions: tuple[str, ...], speed: Speed, nouns: tuple[str, ...], rng: np.random.Generator
) -> str:
    """
    A sentence such as `The fox jumps up and down and spins slowly.`
    @motions none asks for nothing
    @nouns of the subjects, one or two
    """
    if motions == ("gentle",):
        return _other(nouns, rng)
    subject = _subject(nouns, rng)
    plural = len(nouns) > 1
    adverb = str(rng.choice(speed.words))
    own = [verb(str(rng.choice(BY_NAME[name].phrases)), plural) for name in motions if BY_NAME[name].of_subject]
    others = [str(rng.choice(BY_NAME[name].phrases)) for name in motions if not BY_NAME[name].of_subject]
    joint = str(rng.choice((" and ", " while it ", ", and "))) if not plural else " and "
    if joint == " while it ":
        joint = " while it " if len(own) > 1 else " and "
    clauses = []
    if own:
        clauses.append(f"{subject} {joint.join(own)}{adverb}")
    for sentence in others:
        clauses.append(sentence if own else f"{sentence}{adverb}")
    text = str(rng.choice((" while ", ", and "))).join(clauses)
    return _written(text, rng)


def _other(nouns: tuple[str, ...], rng: np.random.Generator) -> str:
    if rng.random() < 0.5:
        return str(rng.choice(OTHER_TEXTS))
    subject = _subject(nouns, rng)
    rest = ("", " is here", " looks nice", " waits", " floats gently", " on a plain background", " in the middle", " thinks")
    return _written(f"{subject}{rng.choice(rest)}", rng)


def _subject(nouns: tuple[str, ...], rng: np.random.Generator) -> str:
    if len(nouns) > 1:
        return str(rng.choice((f"the {nouns[0]} and the {nouns[1]}", "both of them", "they", "the two")))
    if rng.random() < 0.25:
        return "it"
    noun = str(rng.choice(GENERIC_NOUNS)) if rng.random() < 0.35 else nouns[0]
    return f"{rng.choice(('the', 'the', 'a', 'the little', 'the happy'))} {noun}"


def _written(text: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.8:
        text = text[:1].upper() + text[1:]
    return text + ("." if rng.random() < 0.7 else "")


def every_phrase() -> list[str]:
    """All wordings once, for tokenizers and for the model card."""
    texts = [verb(phrase, plural) for motion in MOTIONS for phrase in motion.phrases for plural in (False, True)]
    return texts + [word.strip() for speed in SPEEDS for word in speed.words if word] + list(OTHER_TEXTS)
