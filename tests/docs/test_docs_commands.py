"""The page of commands has what the parsers have."""

from __future__ import annotations

import argparse

import pytest
from docs_pages import commands

PARSERS = commands.parsers()


def test_all_commands_are_there() -> None:
    names = {parser.prog for parser in PARSERS}
    assert {'ddsp transfer', 'ddsp train', 'ddsp serve', 'ddsp fit'} <= names
    assert {'ddsp_run', 'ddsp_prepare_tfrecord'} <= names


@pytest.mark.parametrize('parser', PARSERS, ids=lambda parser: parser.prog)
def test_all_that_help_tells(parser: argparse.ArgumentParser) -> None:
    page = commands.commands_page([parser])
    assert f'## {parser.prog}\n' in page
    told = ' '.join(parser.format_help().split())
    hidden = [a for a in parser._actions if a.help == argparse.SUPPRESS]
    options = [o for a in parser._actions for o in a.option_strings if len(o) > 2]
    hidden_options = {o for action in hidden for o in action.option_strings}
    for option in set(options) - hidden_options - {'--help'}:
        assert option in told and f'| `{option}' in page, option
    for option in hidden_options:
        assert f'| `{option}' not in page


def test_markup_of_an_option() -> None:
    parser = argparse.ArgumentParser(prog='tool', description='Say a|b.\n\n  tool *.x')
    parser.add_argument('file', metavar='FILE', help='one of *.wav, 50 %% of all')
    parser.add_argument(
        '--out', required=True, help='see --level (default: %(default)s)'
    )
    parser.add_argument('--level', choices=('low', 'high'), help='how `a|b`')
    parser.add_argument('--quiet', action='store_true', help='say nothing')
    parser.add_argument('--secret', help=argparse.SUPPRESS)
    page = commands.commands_page([parser])
    assert 'tool FILE --out OUT [options]' in page
    assert '```sh\ntool *.x\n```' in page
    assert r'Say a\|b.' in page
    assert r'| `FILE` | one of \*.wav, 50 % of all |' in page
    assert '| `--out OUT` | see `--level` (default: None) (required) |' in page
    assert r'| `--level {low,high}` | how `a\|b` |' in page
    assert '| `--quiet` | say nothing |' in page
    assert 'secret' not in page
