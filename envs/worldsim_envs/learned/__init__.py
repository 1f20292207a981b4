"""The learned world as a Gymnasium env: `LearnedVectorEnv`, and `LearnedEnv`, which is a batch of one of it.

A step is one `World.imagine`; reward, named events and the probability that the episode ended come from the model's
heads. An episode terminates when that probability reaches `threshold`: nothing is sampled, so one seed and one list of
actions give one trajectory. What the model does inside is `worldsim.sampling.world`'s business.
"""

from worldsim_envs.learned.single import LearnedEnv
from worldsim_envs.learned.starts import EnvError
from worldsim_envs.learned.states import EnvState
from worldsim_envs.learned.vector import LearnedVectorEnv

__all__ = ["EnvError", "EnvState", "LearnedEnv", "LearnedVectorEnv"]
