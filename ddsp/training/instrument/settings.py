"""What can be chosen about a run, and what gin makes of it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gin

from ddsp.training import ddsp_run, gin_files

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
_GIN_FILE = 'instrument/instrument.gin'


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
        For an unknown model, and for numbers that make no sense.
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
        if 'model' in own and Path(own['model']).is_file():
            own['model'] = str(Path(own['model']).absolute())
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
        near = difflib.get_close_matches(model, MODELS, n=1)
        hint = f'; did you mean {near[0]}?' if near else '.'
        raise ValueError(
            f'there is no model {model!r}; expected one of {", ".join(MODELS)}, or the '
            f'path of a .gin file{hint}'
        )
    if not (Path(model).is_file() or (gin_files.GIN_DIR / model).is_file()):
        raise FileNotFoundError(f'there is no gin file {model}.')
    return model


def configure(settings: Settings) -> None:
    """Tells gin of the model and the settings.

    Raises
    ------
    ValueError
        For names and values that gin does not know, and a file that describes no model.
    """
    bindings = [
        f'train_util.train.seed = {settings.seed}',
        f"F0LdEvaluator.f0_method = '{settings.method}'",
    ]
    if settings.batch_size is not None:
        bindings.append(f'batch_size = {settings.batch_size}')
    if settings.steps is not None:
        bindings.append(f'train_util.train.num_steps = {settings.steps}')
    ddsp_run.parse_gin(
        restore_dir='',
        gin_files=[model_file(settings.model), _GIN_FILE],
        gin_params=[*bindings, *settings.gin_params],
    )
    try:
        gin.query_parameter('get_model.model')
    except ValueError as error:
        raise ValueError(
            f'{settings.model} describes no model: it should bind get_model.model, as '
            'models/ae.gin does, which it may include.'
        ) from error


def configure_data(train: str, held_out: str, num_examples: int) -> str | None:
    """Tells gin of the records.

    Parameters
    ----------
    train, held_out : patterns of the files to train on and to measure on.
    num_examples : to train on: a larger batch is made smaller.

    Returns
    -------
    What there is to say of that, or None.
    """
    gin.bind_parameter('train/data.TFRecordProvider.file_pattern', train)
    gin.bind_parameter('held_out/data.TFRecordProvider.file_pattern', held_out)
    wanted = gin.query_parameter('%batch_size')
    if wanted <= num_examples:
        return None
    gin.parse_config(f'batch_size = {num_examples}')
    return f'batches of {num_examples} instead of {wanted}: there are no more examples'
