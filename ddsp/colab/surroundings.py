"""Where a program runs: in Colab, in another notebook, or in neither."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# Set to anything but 0, it makes the notebooks of this repository short: for tests.
SMALL_VARIABLE = 'DDSP_NOTEBOOK_SMALL'


def surroundings() -> str:
    """Where this program runs.

    Returns
    -------
    `'colab'`, where the browser lends a microphone and files; `'notebook'`, in Jupyter
    and its relatives, where sound and pictures can be shown; `'program'`, elsewhere.

    Examples
    --------
    >>> surroundings() in ('colab', 'notebook', 'program')
    True
    """
    if sys.modules.get('google.colab') is not None:
        return 'colab'
    # Whoever runs in a notebook has IPython loaded: importing it here tells nothing.
    ipython = sys.modules.get('IPython')
    shell = ipython.get_ipython() if ipython is not None else None
    return 'notebook' if getattr(shell, 'kernel', None) is not None else 'program'


def sized(full: Any, small: Any) -> Any:
    """Chooses between what a person wants and what a test of a notebook needs.

    Parameters
    ----------
    full : the value for people.
    small : the value where the environment variable `DDSP_NOTEBOOK_SMALL` is set (to
        anything but 0).

    Returns
    -------
    One of the two, as it was given.

    Examples
    --------
    >>> training_steps = sized(full=2000, small=2)
    """
    return full if os.environ.get(SMALL_VARIABLE, '0') in ('', '0') else small


def working_folder(name: str = 'ddsp') -> Path:
    """Finds a place for what shall be kept: in Colab, a folder of your Google Drive.

    Parameters
    ----------
    name : of the folder. Outside Colab it is made in the current directory.

    Returns
    -------
    Path of the folder, which exists. In Colab you are asked for access to the drive,
    since files beside the notebook are lost with its machine.
    """
    folder = Path(name)
    if surroundings() == 'colab':
        from google.colab import drive

        drive.mount('/content/drive')
        folder = Path('/content/drive/MyDrive') / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def ipython_display(what: str) -> Any:
    """Gives the module `IPython.display`.

    Parameters
    ----------
    what : needs it, for the message.

    Raises
    ------
    ImportError
        When IPython is missing.
    """
    try:
        import IPython.display
    except ImportError as error:
        raise ImportError(
            f'{what} needs a notebook, and its package IPython cannot be imported '
            f"({error}); run: pip install 'ddsp[notebook]'. In a program, write sound "
            'with ddsp.audio_files.save_audio.'
        ) from error
    return IPython.display
