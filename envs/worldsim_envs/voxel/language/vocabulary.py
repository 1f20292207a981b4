"""Every word that captions, stories and edits can use, so that a text encoder knows those to come, too."""

from __future__ import annotations

import re

from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.language.captions import TEMPLATES
from worldsim_envs.voxel.language.edits import SENTENCES
from worldsim_envs.voxel.language.words import DEEDS, NUMBERS, PLACES, PLURALS, SIDES, TIMES, WEATHERS, event_sentence

# Words of texts that are written by hand, and of prompts.
_RESERVED = (
    "a house appears", "a river", "a lake", "above you", "far away", "the rain gets stronger", "fog comes and goes",
    "the animal walks away", "the animal runs to you", "before and after", "red green yellow white brown pink orange",
    "purple black blue gray", "inside a cave under the ground", "village ruins", "small big tall short wide bright",
    "a video game world made of blocks", "without with or not of at to from", "the block turns to gold", "lightning",
)  # fmt: skip


def vocabulary() -> list[str]:
    """Return every word that captions, event sentences and edits can hold, sorted."""
    texts = [phrase for names, look in PLACES.values() for phrase in (*names, look)]
    texts += [phrase for _, names, sky in TIMES for phrase in (*names, sky)]
    texts += [phrase for names, sentence in WEATHERS.values() for phrase in (*names, sentence)]
    texts += [phrase for names in SIDES.values() for phrase in names] + [phrase for _, phrase in DEEDS]
    texts += [*NUMBERS, *PLURALS, *PLURALS.values(), *SENTENCES, *_RESERVED, *(block.word for block in BLOCKS)]
    texts += [event_sentence(name) for name in EVENT_NAMES]
    texts += [template.format(place="", when="", weather="") for template in TEMPLATES]
    texts += ["with . in view are and is near you the player is in the water swims forward up turns left right"]
    texts += ["first then and after that"]
    return sorted(set(re.findall(r"[a-z]+|\.", " ".join(texts))))
