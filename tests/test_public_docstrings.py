"""Every public name says what it takes and gives: shapes, units, errors."""

from __future__ import annotations

import ast

import pytest
from docstring_rules import Documented, complaints, docstring, errors_raised, told_by
from public_names import documented


@pytest.fixture(scope='module')
def items() -> list[Documented]:
    return documented()


def test_public_names_say_what_they_take_and_give(items: list[Documented]) -> None:
    found = {item.path: complaints(item) for item in items}
    broken = [
        f'{path}: {complaint}' for path, of_it in found.items() for complaint in of_it
    ]
    assert not broken, '\n'.join(['docstrings break the rules:', *broken])


def test_public_names_are_found(items: list[Documented]) -> None:
    paths = {item.path for item in items}
    assert {
        'ddsp.core.oscillators.oscillator_bank',  # Behind a decorator of gin's.
        'ddsp.synths.oscillators.Harmonic',
        'ddsp.synths.oscillators.Harmonic.get_controls',  # Replaced by a wrapper.
        'ddsp.synths.oscillators.Harmonic.latency',  # A property.
        'ddsp.audio_files.load_audio',  # Of a module that lists nothing.
        'ddsp.pitch.crepe.PitchHmm.published',  # A class method.
        'ddsp.training.trainers.Trainer.train_step',
        'ddsp.training.nn.notes.get_note_mask',
    } <= paths
    assert not [path for path in paths if '._' in path]


GOOD = '''
def delayed(audio: tf.Tensor, delay: float, sample_rate: int = 16000) -> tf.Tensor:
    """Delays audio.

    Parameters
    ----------
    audio : `[batch, samples]`.
    delay : in seconds.
    sample_rate : of the audio, in Hz.

    Returns
    -------
    The same shape.

    Raises
    ------
    TypeError, ValueError
        For what is no audio.
    """
    _check(audio)
    if delay < 0.0:
        raise ValueError('below 0')
    return audio
'''
CHECK = '''
def _check(audio):
    """Refuses what is no audio."""
    if audio is None:
        raise TypeError('no audio')
'''


def described(source: str) -> Documented:
    function = ast.parse(source).body[0]
    helpers = {'_check': ast.parse(CHECK).body[0]}
    return Documented(
        path='somewhere.delayed',
        doc=docstring(function),
        function=function,
        errors=errors_raised(function, helpers),
    )


def test_a_good_docstring_breaks_no_rule() -> None:
    assert complaints(described(GOOD)) == []


@pytest.mark.parametrize(
    'said, instead, complaint',
    [
        ('Delays audio.', 'Delays audio', 'the first line is no sentence'),
        ('Delays audio.\n', 'Delays audio:\n    later.\n', 'the first line goes on'),
        ('Returns\n    -----', 'Gives\n    -----', "there is no section 'Gives'"),
        ('-------\n    The', '---\n    The', 'Returns is not underlined'),
        ('in Hz.\n\n', 'in Hz.\n', 'Returns follows no empty line'),
        ('    delay : in seconds.\n', '', "parameter 'delay' is not documented"),
        ('    delay :', '    gain :', "no parameter 'gain' exists"),
        (
            '    audio : `[batch, samples]`.\n    delay : in seconds.\n',
            '    delay : in seconds.\n    audio : `[batch, samples]`.\n',
            'parameters are not in order, which is audio, delay, sample_rate',
        ),
        ('`[batch, samples]`', 'in [0, 1]', "parameter 'audio' has no shape"),
        ('The same shape.', 'Later audio.', 'what is returned has no shape'),
        ('in seconds.', 'how long.', "parameter 'delay' has no unit"),
        (', in Hz.', '.', "parameter 'sample_rate' has no unit"),
        ('TypeError, ValueError', 'TypeError', 'ValueError is raised and not named'),
        # The check raises it.
        ('TypeError, ValueError', 'ValueError', 'TypeError is raised and not named'),
        (
            '    Returns\n    -------\n    The same shape.\n\n',
            '',
            'there is no section Returns',
        ),
    ],
)
def test_a_bad_docstring_breaks_a_rule(said: str, instead: str, complaint: str) -> None:
    assert GOOD.count(said) == 1
    found = complaints(described(GOOD.replace(said, instead)))
    assert any(text.startswith(complaint) for text in found), found


def test_one_parameter_may_be_told_of_in_the_prose() -> None:
    source = 'def f(db: tf.Tensor) -> tf.Tensor:\n    """Halves decibels, {}."""'
    assert complaints(described(source.format('of any shape'))) == []
    assert complaints(described(source.format('of all kinds'))) == [
        "parameter 'db' has no shape",
        'what is returned has no shape',
    ]


def test_more_parameters_are_named() -> None:
    source = 'def f(db: float, x: int) -> None:\n    """Takes `db` {}."""'
    assert complaints(described(source.format('and `x`'))) == []
    assert complaints(described(source.format('and x'))) == [
        "parameter 'x' is not documented"
    ]


def test_arrays_are_known_by_what_makes_them() -> None:
    source = 'def f(x: Any) -> None:\n    """Takes {}."""\n    x = core.tf_float32(x)'
    assert complaints(described(source.format('`[batch, frames]`'))) == []
    assert complaints(described(source.format('some'))) == [
        "parameter 'x' has no shape"
    ]


def test_arrays_are_known_by_their_names() -> None:
    source = 'def f(audio: {}) -> None:\n    """Plays it."""'
    assert complaints(described(source.format('str | os.PathLike'))) == []
    assert complaints(described(source.format('Any'))) == [
        "parameter 'audio' has no shape"
    ]


def test_units_may_be_in_the_name() -> None:
    source = 'def f({}: float) -> None:\n    """Waits {}."""'
    assert complaints(described(source.format('delay_ms', 'so long'))) == []
    assert complaints(described(source.format('delay', 'so many seconds'))) == []
    assert complaints(described(source.format('delay', 'so long'))) == [
        "parameter 'delay' has no unit"
    ]


def test_what_is_named_as_a_quantity_is_returned_with_its_unit() -> None:
    item = described('def f() -> int:\n    """Says how late it is."""')
    assert complaints(item) == []
    item.path = 'somewhere.latency'
    assert complaints(item) == ['what is returned has no unit']


def test_a_method_need_not_repeat_what_it_overrides() -> None:
    item = described(GOOD.replace('    delay : in seconds.\n', ''))
    base = ast.parse('def f(self, delay):\n    """Says it."""').body[0]
    item.elsewhere = told_by(base)
    assert complaints(item) == []


def test_errors_that_are_caught_or_abstract_are_not_raised() -> None:
    source = '''
def f():
    """Does it."""
    try:
        raise ValueError('here')
    except ValueError:
        pass
    if abstract:
        raise NotImplementedError('elsewhere')
    def inner():
        raise KeyError('later')
'''
    assert described(source).errors == set()
