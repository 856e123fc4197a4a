"""The page of commands, made of the parsers of their command lines."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator, Sequence

_TITLE = """\
# Commands

`ddsp` and its subcommands take a recording, or a folder of them, and do everything;
`ddsp_prepare_tfrecord` and `ddsp_run` take gin files and flags under their established
names. Each of them says the same when it is asked for `--help`.
"""
_MODULES = (
    'ddsp.cli.main',
    'ddsp.training.data_preparation.ddsp_prepare_tfrecord',
    'ddsp.training.ddsp_run',
)


def parsers() -> list[argparse.ArgumentParser]:
    """The parsers of all commands and subcommands. Loads TensorFlow."""
    found: list[argparse.ArgumentParser] = []
    for module in _MODULES:
        parser = importlib.import_module(module).make_parser()
        found += _with_subcommands(parser)
    return found


def commands_page(found: Sequence[argparse.ArgumentParser]) -> str:
    """The page, in Markdown.

    Parameters
    ----------
    found : what it describes.
    """
    return '\n'.join([_TITLE, *(_section(parser) for parser in found)])


def _with_subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[argparse.ArgumentParser]:
    choices = [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    if not choices:
        yield parser
    for named in choices:
        yield from named.values()


def _section(parser: argparse.ArgumentParser) -> str:
    arguments, options = [], []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        (options if action.option_strings else arguments).append(action)
    required = [action for action in options if action.required]
    usage = [parser.prog, *(_name(action) for action in (*arguments, *required))]
    if len(options) > len(required):
        usage.append('[options]')
    lines = [f'## {parser.prog}', '', f'```sh\n{" ".join(usage)}\n```', '']
    lines += [_prose(parser.description or ''), '']
    for title, actions in (('argument', arguments), ('option', options)):
        if actions:
            lines += [f'| {title} | what it is |', '|---|---|']
            lines += [_row(action) for action in actions]
            lines.append('')
    return '\n'.join(lines)


def _name(action: argparse.Action) -> str:
    """An argument or option as it is typed."""
    values = action.metavar or (
        f'{{{",".join(map(str, action.choices))}}}' if action.choices else None
    )
    if not action.option_strings:
        return str(values or action.dest)
    option = max(action.option_strings, key=len)
    if action.nargs == 0:
        return option
    value = str(values or action.dest.upper())
    return f'{option}[={value}]' if action.nargs == '?' else f'{option} {value}'


def _row(action: argparse.Action) -> str:
    text = (action.help or '') % {**vars(action), 'prog': ''}
    if action.required and action.option_strings:
        text += ' (required)'
    return f'| `{_name(action)}` | {_options_as_code(_escaped(text))} |'.replace(
        '\n', ' '
    )


def _prose(description: str) -> str:
    """A description; what it indents is an example to be typed."""
    blocks = []
    for block in description.strip().split('\n\n'):
        if block.startswith('  '):
            lines = '\n'.join(line.removeprefix('  ') for line in block.split('\n'))
            blocks.append(f'```sh\n{lines}\n```')
        else:
            blocks.append(_options_as_code(_escaped(block)))
    return '\n\n'.join(blocks)


def _options_as_code(text: str) -> str:
    """A text with its options, such as --out, in code marks."""
    return re.sub(r'(?<![\w`=\'"-])(--\w+)', r'`\1`', text)


def _escaped(text: str) -> str:
    """A text of which Markdown takes nothing for markup, outside of code marks."""
    pieces = re.split(r'(`[^`]*`)', text)
    return ''.join(
        piece.replace('|', r'\|') if i % 2 else re.sub(r'([*_|<>])', r'\\\1', piece)
        for i, piece in enumerate(pieces)
    )
