"""Brings the operative configs of old models up to date.

    python update_gin_config.py PATH [--overwrite]

PATH is a `.gin` file, or a directory, whose `operative_config-*.gin` are all updated,
those of its subdirectories as well. Beside each file that needs it, `NAME.updated.gin`
is written; with --overwrite the file itself is changed. What is done:

- `SpectralLoss.delta_delta_freq_weight` and `delta_delta_time_weight` are dropped;
- so is `resample` of `DilatedConvEncoder`, `DilatedConvDecoder`, `DilatedEncoder` and
  `DilatedDecoder`;
- `ZRnnFcDecoder` becomes `RnnFcDecoder`;
- an `RnnFcDecoder` without `input_keys` gets `("f0_scaled", "ld_scaled")`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

_DEFAULT_INPUT_KEYS = '("f0_scaled", "ld_scaled")'
_SCOPES = r'(?:[\w.]+/)*'
_MODULES = r'(?:\w+\.)*'
_DROPPED = re.compile(
    rf'^{_SCOPES}{_MODULES}(?:'
    r'SpectralLoss\.delta_delta_(?:freq|time)_weight'
    r'|Dilated(?:Conv)?(?:Encoder|Decoder)\.resample'
    r')\s*='
)
_OLD_DECODER = re.compile(r'\bZRnnFcDecoder\b')
_DECODER_PARAMETER = re.compile(
    rf'^(?P<prefix>{_SCOPES}{_MODULES}RnnFcDecoder)\.(?P<name>\w+)\s*='
)
_DECODER_REFERENCE = re.compile(r'^[^#]*@[\w./]*\bRnnFcDecoder\b')
_OPENING, _CLOSING = '([{', ')]}'


def update_config(text: str) -> str:
    """The configuration as today's library reads it.

    Parameters
    ----------
    text : content of a gin file.

    Returns
    -------
    The same text when there is nothing to do.
    """
    statements = []
    for statement in _statements(text):
        if _DROPPED.match(statement):
            continue
        code, hash_sign, comment = statement.partition('#')
        if code.strip():
            statement = _OLD_DECODER.sub('RnnFcDecoder', code) + hash_sign + comment
        statements.append(statement)
    return ''.join(_with_input_keys(statements))


def update_file(path: str | os.PathLike[str], overwrite: bool = False) -> Path | None:
    """Updates one file.

    Parameters
    ----------
    path : a gin file.
    overwrite : whether the file itself is changed.

    Returns
    -------
    The path of what was written, or None when there is nothing to do.
    """
    path = Path(path)
    old = path.read_text('utf-8')
    new = update_config(old)
    if new == old:
        return None
    target = path if overwrite else path.with_suffix('.updated.gin')
    partial = target.with_name(f'{target.name}.tmp')
    partial.write_text(new, 'utf-8')
    partial.replace(target)
    return target


def find_configs(path: str | os.PathLike[str]) -> list[Path]:
    """The files that a path means: itself, or the operative configs below it.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    found = sorted(path.rglob('operative_config-*.gin')) if path.is_dir() else []
    found = [file for file in found if not file.name.endswith('.updated.gin')]
    if not found:
        raise FileNotFoundError(
            f'{path} is neither a gin file nor a directory with operative_config-*.gin.'
        )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; gives the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('path', metavar='PATH', help='a gin file or a directory')
    parser.add_argument(
        '--overwrite', action='store_true', help='change the files themselves'
    )
    arguments = parser.parse_args(argv)
    try:
        for path in find_configs(arguments.path):
            written = update_file(path, arguments.overwrite)
            print(f'{path}: {f"wrote {written}" if written else "is up to date"}')
    except (OSError, UnicodeDecodeError) as error:
        print(f'update_gin_config: error: {error}', file=sys.stderr)
        return 1
    return 0


def _statements(text: str) -> list[str]:
    """Cuts a gin file into its statements, with the line ends that belong to them.

    A statement goes on after a backslash, and as long as a bracket is open.
    """
    statements, current, depth = [], '', 0
    for line in text.splitlines(keepends=True):
        current += line
        code = _without_strings(line)
        depth += sum(code.count(c) for c in _OPENING)
        depth -= sum(code.count(c) for c in _CLOSING)
        if depth <= 0 and not code.rstrip().endswith('\\'):
            statements.append(current)
            current, depth = '', 0
    return [*statements, current] if current else statements


def _without_strings(line: str) -> str:
    """A line without its strings and its comment, whose brackets mean nothing."""
    line = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", '', line)
    return line.partition('#')[0]


def _with_input_keys(statements: Sequence[str]) -> list[str]:
    """Says what the inputs of decoders are that have always had these two."""
    names_by_scope: dict[str, set[str]] = {}
    last: dict[str, tuple[int, str]] = {}
    for i, statement in enumerate(statements):
        match = _DECODER_PARAMETER.match(statement)
        if match:
            scope = match['prefix'].rpartition('/')[0]
            names_by_scope.setdefault(scope, set()).add(match['name'])
            last[scope] = i, match['prefix']
    result = list(statements)
    if not last and any(_DECODER_REFERENCE.search(text) for text in statements):
        last[''] = len(statements) - 1, 'RnnFcDecoder'
    # What is said without a scope holds within every scope.
    if 'input_keys' in names_by_scope.get('', ()):
        return result
    for scope, (i, prefix) in last.items():
        if 'input_keys' not in names_by_scope.get(scope, ()):
            line = result[i] if result[i].endswith('\n') else result[i] + '\n'
            result[i] = f'{line}{prefix}.input_keys = {_DEFAULT_INPUT_KEYS}\n'
    return result


if __name__ == '__main__':
    sys.exit(main())
