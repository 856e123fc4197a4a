"""The test matrix: the built wheel on the oldest and the newest platform.

`make test-matrix` runs it. Both interpreters, `python3.10` and `python3.13`, must be on
the PATH; a missing one is an error, since a matrix that skips its rows proves nothing.
"""

from __future__ import annotations

import pathlib
import shutil

import nox

nox.options.error_on_missing_interpreters = True

ROOT = pathlib.Path(__file__).parent
# What the tests read beside the installed package.
COPIED = (
    'tests',
    'colab',
    'scripts',
    'update_gin_config.py',
    'pyproject.toml',
    'Makefile',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'docs',
    'benchmarks',
    'CONTRIBUTING.md',
    'INSTRUMENTS.md',
)


@nox.session
@nox.parametrize(
    'python, tensorflow',
    [('3.10', 'tensorflow==2.16.*'), ('3.13', 'tensorflow>=2.20')],
    ids=['oldest', 'newest'],
)
def tests(session: nox.Session, tensorflow: str) -> None:
    """Runs all tests against the wheel, away from the sources."""
    work = pathlib.Path(session.create_tmp()).absolute()
    wheel = build_wheel(session, work / 'dist')
    tools = ('pytest', 'pytest-xdist', 'hypothesis', 'nbclient', 'nbformat')
    session.install(f'ddsp[all] @ {wheel.as_uri()}', tensorflow, *tools)
    place = copy_tests(work / 'checkout')
    session.chdir(place)
    spread = ('--numprocesses=2', '--dist=loadfile', '--no-loadscope-reorder')
    session.run('python', '-m', 'pytest', *spread, *session.posargs)


def build_wheel(session: nox.Session, directory: pathlib.Path) -> pathlib.Path:
    """Builds the wheel from the source distribution, as an index would serve it."""
    shutil.rmtree(directory, ignore_errors=True)
    session.install('build')
    session.run('python', '-m', 'build', '--outdir', str(directory), str(ROOT))
    (wheel,) = directory.glob('*.whl')
    return wheel


def copy_tests(directory: pathlib.Path) -> pathlib.Path:
    """Copies the tests to a place from which `import ddsp` finds only the wheel."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns('__pycache__')
            shutil.copytree(source, directory / name, ignore=ignore)
        else:
            shutil.copy(source, directory / name)
    return directory
