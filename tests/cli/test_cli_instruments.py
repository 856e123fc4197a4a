from __future__ import annotations

import pytest

from ddsp.cli import instruments, main
from ddsp.training.transfer import list_instruments


def printed(monkeypatch, capsys, columns: int) -> list[str]:
    monkeypatch.setenv('COLUMNS', str(columns))
    assert main.main(['instruments']) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize('columns', [40, 60, 80, 200])
def test_lines_are_no_longer_than_the_terminal(columns, monkeypatch, capsys):
    lines = printed(monkeypatch, capsys, columns)
    # Nobody reads lines of 200 characters.
    assert max(map(len, lines)) <= min(columns, 80)
    assert not [line for line in lines if line != line.rstrip()]


def test_every_instrument_has_its_row(monkeypatch, capsys):
    head, *lines = printed(monkeypatch, capsys, 80)
    assert head.split() == ['NAME', 'NOTES', 'RATE', 'SOUND']
    names = [line.split()[0] for line in lines if not line.startswith(' ')]
    assert names == [info.name for info in list_instruments()]
    (violin,) = [line for line in lines if line.startswith('violin')]
    assert 'G3 to A6' in violin and '16000 Hz' in violin
    # What wraps goes on below its own column.
    column = head.index('SOUND')
    assert all(len(line) > column and line[column] != ' ' for line in lines if line)


def test_brackets_do_not_nest(monkeypatch, capsys):
    text = ' '.join(printed(monkeypatch, capsys, 80))
    depth = 0
    for sign in text:
        depth += (sign == '(') - (sign == ')')
        assert 0 <= depth <= 1
    for info in list_instruments():
        assert info.licence.split()[0] in text


def test_a_table_wraps_its_last_column():
    rows = [('A', 'B'), ('longer', 'one two four\nthree'), ('x', '')]
    assert instruments.table(rows, 16) == [
        'A       B',
        'longer  one two',
        '        four',
        '        three',
        'x',
    ]
