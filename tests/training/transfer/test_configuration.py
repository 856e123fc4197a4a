from __future__ import annotations

import zipfile

import pytest
import tiny_model

from ddsp.training import load_instrument


@pytest.fixture
def model(tmp_path):
    tiny_model.write_tiny_model(tmp_path / 'model')
    return tmp_path / 'model'


def with_lines(model, lines: str, archive: bool):
    config = next(model.glob('*.gin'))
    config.write_text(lines + config.read_text())
    if not archive:
        return model
    path = model.parent / 'model.zip'
    with zipfile.ZipFile(path, 'w') as target:
        for file in model.iterdir():
            target.write(file, file.name)
    return path


@pytest.mark.parametrize(
    'line, said',
    [
        ("include '/etc/passwd'\n", 'includes other files'),
        ('get_model.model = @train_util.train()\n', 'calls train'),
        ('a = @scope/eval_util.evaluate()\n', 'calls evaluate'),
    ],
)
@pytest.mark.parametrize('archive', [False, True])
def test_a_model_describes_and_does_nothing(model, line, said, archive):
    with pytest.raises(ValueError, match=f'{said}, and is not read'):
        load_instrument(with_lines(model, line, archive))


def test_an_archive_imports_nothing_of_others(model):
    path = with_lines(model, 'import this\n', archive=True)
    with pytest.raises(ValueError, match=r'model\.zip imports this'):
        load_instrument(path)


def test_a_directory_may_import_the_users_own(model):
    load_instrument(with_lines(model, 'import colorsys\n', archive=False))


def test_an_archive_is_named_and_not_where_it_was_unpacked(model):
    path = with_lines(model, 'Harmonic.sample_rate = \n', archive=True)
    with pytest.raises(ValueError, match='configuration of') as caught:
        load_instrument(path)
    assert 'ddsp-archive' not in str(caught.value)
