"""What the engine's state looks like in words: a small lower-case grammar written as tables.

`words` holds the phrases, `facts` reads what is to be said from a state, `captions` says it at three lengths and in
other words, `story` tells what happened in its order, `edits` has a sentence and a deed for each scripted edit.
"""

from worldsim_envs.voxel.language.captions import DETAILS, describe
from worldsim_envs.voxel.language.edits import EDITS, SENTENCES
from worldsim_envs.voxel.language.vocabulary import vocabulary
from worldsim_envs.voxel.language.words import event_sentence

__all__ = ["DETAILS", "EDITS", "SENTENCES", "describe", "event_sentence", "vocabulary"]
