"""The command `ddsp_run`: trains, evaluates or samples the model that gin describes."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence

import gin
import keras
import tensorflow as tf

from ddsp.training import (
    checkpoint_files,
    cloud,
    eval_util,
    flags,
    models,
    strategies,
    train_util,
    trainers,
)
from ddsp.training import gin_files as config_files
from ddsp.training.guarding import told
from ddsp.training.telling import tell

_DESCRIPTION = """\
Trains, evaluates or samples the model that gin files describe, for example

  ddsp_run --mode=train --save_dir=run --gin_file=models/solo_instrument.gin \\
    --gin_file=datasets/tfrecord.gin \\
    --gin_param="TFRecordProvider.file_pattern='data/violin-train.tfrecord*'" \\
    --gin_param="train.num_steps=30000"

The same command goes on where an earlier one was stopped. Configuration is read in
this order, each overriding what stands before it: optimization/base.gin and
eval/basic.gin of the library, the newest operative_config-STEP.gin of the run or of
--restore_dir, the files of --gin_file, the bindings of --gin_param.

Exit status: 0 when all went well, 1 for an error, 2 for a wrong command line, 130 or
143 when Ctrl-C or SIGTERM ended training early (a checkpoint was saved).
"""
_SIGNAL_STATUS = {'SIGINT': 130, 'SIGTERM': 143}
# Errors of gin's when a binding is missing that only the command line can give.
_HINTS = {
    'data_provider': 'name a dataset, such as --gin_file=datasets/tfrecord.gin',
    'model': 'name a model, such as --gin_file=models/solo_instrument.gin',
    'evaluator_classes': 'name evaluators, such as --gin_file=eval/basic.gin',
}

_OF_OTHER_VERSIONS = (
    'An operative config of an older version is brought up to date by `python '
    'update_gin_config.py PATH`.'
)


def console_entry_point() -> int:
    """Runs the command line of this process; gives its exit status."""
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line, see `--help`.

    Parameters
    ----------
    argv : without the program's name; that of the process by default.

    Returns
    -------
    The exit status: 0, or more after an error.
    """
    arguments = make_parser().parse_args(argv)
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print('\nddsp_run: aborted', file=sys.stderr)
        return 130
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if not arguments.cluster_config:
            return _fail(error, arguments.debug)
        _start_again(error)
        return 1
    except Exception as error:
        return _fail(error, arguments.debug)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='ddsp_run',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        '--mode',
        choices=('train', 'eval', 'sample'),
        default='train',
        help='what to do (default: train)',
    )
    add(
        '--save_dir',
        metavar='DIR',
        default='/tmp/ddsp',
        help='directory of checkpoints and summaries (default: /tmp/ddsp)',
    )
    add(
        '--restore_dir',
        metavar='PATH',
        default='',
        help='directory or checkpoint to start from (default: that of --save_dir)',
    )
    flags.add_list(parser, 'gin_search_path', 'where gin files are looked for first')
    flags.add_list(parser, 'gin_file', 'a gin file, such as models/ae.gin')
    flags.add_list(parser, 'gin_param', "a binding, such as 'batch_size = 8'")
    add('--tpu', metavar='NAME', default='', help='name or address of a TPU')
    add(
        '--cluster_config',
        metavar='JSON',
        default='',
        help='TF_CONFIG of this one of several workers',
    )
    flags.add_switch(
        parser, 'allow_memory_growth', False, 'let GPUs take memory as they need it'
    )
    add(
        '--early_stop_loss_value',
        type=float,
        metavar='LOSS',
        help='end training when the total loss is not above this',
    )
    flags.add_switch(parser, 'run_once', False, 'evaluate one checkpoint only')
    add(
        '--initial_delay_secs',
        type=float,
        metavar='SECONDS',
        default=0.0,
        help='wait before anything is done',
    )
    add('--debug', action='store_true', help='show where an error came from')
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Does what a parsed command line says; gives the exit status.

    Raises
    ------
    ValueError
        When the configuration lacks something; the message says what.
    """
    delay_start(arguments.initial_delay_secs)
    if arguments.allow_memory_growth:
        allow_memory_growth()
    save_dir = train_util.expand_path(arguments.save_dir)
    restore_dir = train_util.expand_path(arguments.restore_dir or arguments.save_dir)
    # A run that goes on is described by its own configuration.
    begun = _config_dir(save_dir if arguments.mode == 'train' else restore_dir)
    parse_gin(
        begun or restore_dir,
        gin_files=arguments.gin_file,
        gin_params=arguments.gin_param,
        gin_search_path=arguments.gin_search_path,
        tpu=arguments.tpu,
    )
    try:
        if arguments.mode == 'train':
            return _train(arguments, save_dir, restore_dir)
        return _evaluate(arguments, save_dir, restore_dir)
    except (RuntimeError, TypeError, ValueError) as error:
        lacking = _told_of_configuration(error, begun)
        if lacking is None:
            raise
        raise ValueError(lacking) from error


def delay_start(seconds: float = 0.0) -> None:
    """Waits, so that evaluation can be started together with training."""
    if seconds > 0:
        tell(f'waiting {seconds:g} s')
        time.sleep(seconds)


def parse_gin(
    restore_dir: str,
    gin_files: Sequence[str] = (),
    gin_params: Sequence[str] = (),
    gin_search_path: Sequence[str] = (),
    tpu: str = '',
) -> None:
    """Reads the configuration: defaults, that of a model, files, then bindings.

    Parameters
    ----------
    restore_dir : whose newest operative config is read, if there is one.
    gin_files, gin_params : read after that, in order.
    gin_search_path : directories where files are found before the library's own.
    tpu : whether the defaults are those for a TPU.

    Raises
    ------
    ValueError
        For files that are not there, and names or values that gin does not know.
    """
    local = [_local_copy(path) for path in flags.split_commas(list(gin_search_path))]
    config_files.add_search_paths(local)
    with gin.unlock_config():
        optimization = 'base_tpu' if tpu else 'base'
        config_files.parse_files([f'optimization/{optimization}.gin', 'eval/basic.gin'])
        config = _operative_config(restore_dir)
        if config:
            tell(f'configuration of the model: {config}')
            _parse_operative_config(_local_copy(config))
        config_files.parse_files([_local_copy(file) for file in gin_files])
        config_files.parse_params(gin_params)


def allow_memory_growth() -> None:
    """Lets GPUs take memory as they need it, instead of all at once."""
    for gpu in tf.config.list_physical_devices('GPU'):
        tf.config.experimental.set_memory_growth(gpu, True)


def _train(arguments: argparse.Namespace, save_dir: str, restore_dir: str) -> int:
    begun = checkpoint_files.newest_complete(save_dir) is not None
    if restore_dir != save_dir and not begun:
        # Who names another run wants its weights, and no fresh ones by a mistyped path.
        train_util.get_latest_checkpoint(restore_dir)
    keras.utils.set_random_seed(train_util.configured_seed())
    strategy = strategies.get_strategy(arguments.tpu, arguments.cluster_config)
    with strategy.scope():
        model = models.get_model()
        trainer = trainers.get_trainer_class()(model, strategy)
    end = train_util.train(
        data_provider=gin.REQUIRED,
        trainer=trainer,
        save_dir=save_dir,
        restore_dir=restore_dir,
        **_given(early_stop_loss_value=arguments.early_stop_loss_value),
    )
    losses = ', '.join(f'{name} {loss:.4f}' for name, loss in end.losses.items())
    print(f'{end.reason} at step {end.step} {f"({losses})" if losses else ""}'.strip())
    return _SIGNAL_STATUS.get(end.reason, 0)


def _evaluate(arguments: argparse.Namespace, save_dir: str, restore_dir: str) -> int:
    model = models.get_model()
    function = eval_util.evaluate if arguments.mode == 'eval' else eval_util.sample
    function(
        data_provider=gin.REQUIRED,
        model=model,
        save_dir=save_dir,
        restore_dir=restore_dir,
        run_once=arguments.run_once,
    )
    return 0


def _given(**values: object) -> dict:
    return {name: value for name, value in values.items() if value is not None}


def _parse_operative_config(path: str) -> None:
    try:
        config_files.parse_files([path], skip_unknown=True)
    except ValueError as error:
        raise ValueError(f'{error} {_OF_OTHER_VERSIONS}') from error


def _told_of_configuration(error: Exception, begun: str | None) -> str | None:
    """What the configuration lacks, if that is what an error comes from."""
    hint = next((h for k, h in _HINTS.items() if f"'{k}'" in str(error)), None)
    if hint is not None and 'Required bindings' in str(error):
        return f'the configuration is not complete: {hint}.'
    unfollowed = config_files.explain_use(error)
    if unfollowed is not None and begun and 'reference' in unfollowed:
        unfollowed += ' Import its module in a gin file if it is your own. '
        unfollowed += _OF_OTHER_VERSIONS
    return unfollowed


def _config_dir(path: str) -> str | None:
    return path if _operative_config(path) else None


def _operative_config(path: str) -> str | None:
    try:
        return train_util.get_latest_operative_config(path)
    except FileNotFoundError:
        return None


def _local_copy(path: str) -> str:
    """The path itself, or that of a copy of what lies in Google's storage."""
    if not path.startswith('gs://'):
        return path
    # Files of one name from several places are several files.
    folder = tempfile.mkdtemp(dir=_folder_of_copies().name)
    return cloud.make_file_paths_local(path, folder)


@functools.cache
def _folder_of_copies() -> tempfile.TemporaryDirectory:
    """A folder that no other run or user shares, and that goes when this one ends."""
    return tempfile.TemporaryDirectory(prefix='ddsp_gin-')


def _fail(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f'ddsp_run: {told(error, keep_lines=True)}', file=sys.stderr)
    return 1


def _start_again(error: Exception) -> None:
    """Starts this process anew, to meet the others when the one that is lost is back.

    TensorFlow cannot join a cluster twice in one process.
    """
    reason = ' '.join(str(error).split())[:200]
    tell(
        f'ddsp_run: another worker is gone ({reason}); starting again from the last '
        'checkpoint, and waiting until all workers are there'
    )
    for descriptor in range(3, min(os.sysconf('SC_OPEN_MAX'), 65536)):
        # Else the port of this worker would stay taken.
        with contextlib.suppress(OSError):
            os.set_inheritable(descriptor, False)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


if __name__ == '__main__':
    sys.exit(console_entry_point())
