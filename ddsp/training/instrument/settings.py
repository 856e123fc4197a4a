"""What gin makes of what was chosen about a run."""

from __future__ import annotations

import gin

from ddsp.training import ddsp_run, gin_files
from ddsp.training.instrument.choices import Settings, model_file

_GIN_FILE = 'instrument/instrument.gin'
_STEPS = 'train_util.train.num_steps'


def configure(settings: Settings) -> int:
    """Tells gin of the model and the settings.

    Returns
    -------
    The steps that training has where nobody says how many.

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
        bindings.append(f'{_STEPS} = {settings.steps}')
    ddsp_run.parse_gin('', gin_files=[model_file(settings.model), _GIN_FILE])
    default_steps = gin.query_parameter(_STEPS)
    with gin.unlock_config():
        gin_files.parse_params([*bindings, *settings.gin_params])
    try:
        gin.query_parameter('get_model.model')
    except ValueError as error:
        raise ValueError(
            f'{settings.model} describes no model: it should bind get_model.model, as '
            'models/ae.gin does, which it may include.'
        ) from error
    return default_steps


def configured_steps() -> int:
    """The step at which training is to end."""
    return gin.query_parameter(_STEPS)


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
