"""What can be chosen about a run; knows neither gin nor TensorFlow."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ddsp.pitch import known_methods

#: Names of models, and the gin files that describe them.
MODELS: Mapping[str, str] = {
    'solo_instrument': 'models/solo_instrument.gin',
    'tiny_instrument': 'papers/iclr2020/tiny_instrument.gin',
    'small_instrument': 'models/small_instrument.gin',
    'vst': 'models/vst/vst.gin',
    'vst_32k': 'models/vst/vst_32k.gin',
    'vst_48k': 'models/vst/vst_48k.gin',
    'ae': 'models/ae.gin',
}
# Where records are made, seeds are below this.
_SEEDS = 1 << 31
# As `gin_files.GIN_DIR`, which Keras would come along with.
_GIN_DIR = Path(__file__).parents[1] / 'gin'


@dataclasses.dataclass(frozen=True)
class Settings:
    """How an instrument is learnt.

    Parameters
    ----------
    model : a name in `MODELS`, or the path of a gin file.
    steps : the step at which training ends; None leaves it to gin.
    batch_size : examples in a step; None leaves it to gin.
    seed : of the weights, the order of the data, its split and the noise.
    eval_split : part of the recordings that is held out for evaluation.
    method : pitch estimator, see `ddsp.pitch`.
    gin_params : bindings such as `'learning_rate = 1e-4'`, which win over the above.

    Raises
    ------
    ValueError
        For an unknown model or method, and for numbers that make no sense.
    """

    model: str = 'solo_instrument'
    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0
    eval_split: float = 0.1
    method: str = 'swift-f0'
    gin_params: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        model_file(self.model)
        for name in ('steps', 'batch_size'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f'{name} is {value}, expected at least 1.')
        if not 0 <= self.eval_split < 1:
            raise ValueError(
                f'eval_split is {self.eval_split:g}, expected a part of the '
                'recordings, from 0 (none is held out) to below 1.'
            )
        if not 0 <= self.seed < _SEEDS:
            raise ValueError(f'seed is {self.seed}, expected 0 to {_SEEDS - 1}.')
        methods = known_methods()
        if self.method not in methods:
            raise ValueError(
                f'method is {self.method!r}, expected one of {", ".join(methods)}'
                f'{_hint(self.method, methods)}'
            )

    def changed(self, given: Mapping[str, Any]) -> Settings:
        """These settings with others in their place.

        Parameters
        ----------
        given : by name. None leaves what there is, and `gin_params` are added. A file
            is kept as an absolute path, to be found from anywhere.

        Returns
        -------
        New settings; these stay as they are.
        """
        own = {k: v for k, v in given.items() if v is not None}
        new = tuple(own.pop('gin_params', ()))
        model = own.get('model')
        if model is not None and model not in MODELS and Path(model).is_file():
            own['model'] = str(Path(model).absolute())
        before = tuple(param for param in self.gin_params if param not in new)
        return dataclasses.replace(self, **own, gin_params=before + new)


def model_file(model: str) -> str:
    """The gin file of a model.

    Raises
    ------
    ValueError
        For a name that is not known, with near ones.
    FileNotFoundError
        For a gin file that is not there.
    """
    if model in MODELS:
        return MODELS[model]
    if not model.endswith('.gin'):
        raise ValueError(
            f'there is no model {model!r}; expected one of {", ".join(MODELS)}, or the '
            f'path of a .gin file{_hint(model, MODELS)}'
        )
    if not (Path(model).is_file() or (_GIN_DIR / model).is_file()):
        raise FileNotFoundError(f'there is no gin file {model}.')
    return model


def _hint(word: str, known: Iterable[str]) -> str:
    """How a message ends that says what is known: with what may have been meant."""
    near = difflib.get_close_matches(word, known, n=1)
    return f'; did you mean {near[0]}?' if near else '.'
