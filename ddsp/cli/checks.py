"""What is wrong with a command line, as far as that can be told at once."""

from __future__ import annotations

import argparse
import os

from ddsp.cli.options import chosen_controls

# Arguments by which commands are given one file, and those for a folder or one file.
_FILES = {
    'fit': 'recording',
    'live': 'input',
    'pitch': 'recording',
    'play': 'midi',
    'transfer': 'recording',
}
_FOLDERS = {'statistics': 'recordings', 'train': 'audio'}


def check(arguments: argparse.Namespace) -> int:
    """Refuses what is not there, and numbers out of range, before TensorFlow loads.

    What does the work checks as well, and says the same: it may be called from
    elsewhere.

    Parameters
    ----------
    arguments : of any command.

    Returns
    -------
    0, the exit status where nothing is wrong.

    Raises
    ------
    FileNotFoundError, ValueError
        For what is wrong.
    """
    command = arguments.command
    path = getattr(arguments, _FILES.get(command, ''), None)
    if path is not None and not os.path.exists(path):
        raise FileNotFoundError(f'there is no file {path}.')
    path = getattr(arguments, _FOLDERS.get(command, ''), None)
    if path is not None and not os.path.exists(path):
        raise FileNotFoundError(
            f'there is no {path}; expected a folder with recordings, or one recording.'
        )
    _check_instruments(arguments)
    if hasattr(arguments, 'no_adjust'):
        chosen_controls(arguments)
    if command == 'train':
        _check_settings(arguments)
    return 0


def _check_instruments(arguments: argparse.Namespace) -> None:
    from ddsp.training.transfer.finding import check_there

    asked = getattr(arguments, 'instrument', [])
    for instrument in [asked] if isinstance(asked, str) else asked:
        check_there(instrument)


def _check_settings(arguments: argparse.Namespace) -> None:
    from ddsp.training.instrument.choices import Settings

    names = ('model', 'steps', 'batch_size', 'seed', 'eval_split', 'method')
    Settings().changed({name: getattr(arguments, name) for name in names})
