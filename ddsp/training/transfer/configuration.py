"""What a model's gin file may say."""

from __future__ import annotations

import re
from pathlib import Path

_INCLUDE = re.compile(r'^\s*include\b', re.MULTILINE)
_IMPORT = re.compile(r'^\s*(?:import|from)\s+([\w.]+)', re.MULTILINE)
# Functions that do something, rather than make a part of a model.
_ACTING = re.compile(
    r'@[\w./]*\b(train|evaluate|sample|evaluate_or_sample|get_strategy)\s*\('
)


def check_configuration(path: Path, shown: str, from_archive: bool) -> None:
    """Refuses a gin file that does more than describe a model.

    Parameters
    ----------
    path : of the file.
    shown : how people know the model.
    from_archive : whether it comes out of an archive, and so maybe from a stranger: it
        may import modules of ddsp alone then. In a directory, a user's own modules are
        imported, as `ddsp_run` does.

    Raises
    ------
    ValueError
        With what it should not say.
    """
    text = path.read_text('utf-8')
    wrong = 'includes other files' if _INCLUDE.search(text) else ''
    if acting := _ACTING.search(text):
        wrong = f'calls {acting[1]}'
    if from_archive:
        foreign = [
            name for name in _IMPORT.findall(text) if name.split('.')[0] != 'ddsp'
        ]
        if foreign:
            wrong = f'imports {foreign[0]}'
    if wrong:
        raise ValueError(
            f'{path.name} of {shown} {wrong}, and is not read: it should describe a '
            'model, and do nothing else. If you know where it comes from, unpack it, '
            'mend it, and name the directory.'
        )
