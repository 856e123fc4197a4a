"""What a docstring of a public name has to say, as rules that a machine can decide.

A complaint is a sentence; no complaints means that a docstring keeps the rules:

- It opens with one line, a sentence, and has numpydoc's sections, each underlined.
- Each parameter has an entry, in order, and there are no others. Without entries, one
  parameter may be told of in the prose, more are each named there `in backticks`.
- A parameter that is a tensor or an array has a shape, and so has such a result.
- A quantity has a unit, unless its name carries one: `f0_hz`, `center_ms`, `n_samples`.
- The errors that a function raises, itself or in a check that it calls, are named
  under Raises.
- Where parameters have entries, what is returned has a section too.

A method need not repeat what the method it overrides says, nor other methods of a
processor what its `get_controls` says of the same control.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import re

SECTIONS = (
    'Parameters',
    'Attributes',
    'Returns',
    'Yields',
    'Raises',
    'Warns',
    'Notes',
    'References',
    'Examples',
    'See Also',
)
TENSOR = re.compile(r'tf\.Tensor|np\.ndarray|TensorLike|ArrayLike')
# What makes an array of its first argument, or refuses what is none.
CONVERTERS = {
    'array',
    'asarray',
    'atleast_1d',
    'atleast_2d',
    'atleast_3d',
    'check_finite',
    'check_rank',
    'convert_to_tensor',
    'tf_float32',
}
# What is an array all over the library.
ARRAYS = {
    'amplitudes',
    'audio',
    'f0_confidence',
    'f0_hz',
    'f0_midi',
    'harmonic_distribution',
    'loudness_db',
    'magnitudes',
    'power_db',
    'target_audio',
    'wavetables',
}
DIMENSION = (
    r'(?:\.\.\.|batch|samples|frames|channels|time|taps|bins|harmonics|partials|'
    r'sinusoids|notes|states|dims|points|values|n_\w+)'
)
SHAPE = re.compile(
    rf'\[[^\]]*{DIMENSION}[^\]]*\]|\[\d{{2,}}(, \d+)*\]|\[\]'
    r'|\bshapes?\b|\bscalars?\b|\bbroadcasts?\b'
)
CARRIES_UNIT = re.compile(
    r'(_|^)(hz|db|ms|secs|seconds|samples|frames|midi|semitones|cents|mel|bark)(_|$)'
    r'|(^|_)(n|num|is|has|use|add|compute)_'
)
# Names of quantities, and what their unit may be.
UNITS = (
    (r'(^|_)(sample|frame)_rate$', r'Hz|(a|per|each) second'),
    (r'(^|_)(frequency|frequencies|freqs?)(_|$)', r'Hz|radians?|cycles|bins?|raw'),
    (r'(^|_)phase$', r'radians?|cycles?|part of'),
    (
        r'(^|_)(frame|fft|hop|window|filter|block|buffer)_(size|length)$|(^|_)length$',
        r'samples?|frames?|taps|bins|seconds',
    ),
    (r'(^|_)(delay|duration|latency)$', r'samples?|seconds?|ms|frames?'),
    (r'(^|_)(loudness|power)$', r'dB|linear|amplitude'),
    (r'(^|_)(midi|pitch|pitches)$', r'MIDI|notes?|semitones?|Hz'),
    (r'(^|_)tolerance$', r'cents?|semitones?|Hz|seconds?|ms|dB|samples'),
)


@dataclasses.dataclass
class Documented:
    """A function, a method or a class, and what a machine knows of it.

    `elsewhere` are the parameters that another docstring tells of, and the errors;
    `fields` are those of a data class, by name, with their annotations.
    """

    path: str
    doc: str
    function: ast.FunctionDef | None  # A class has that of its constructor, if any.
    errors: set[str]
    elsewhere: set[str] = dataclasses.field(default_factory=set)
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    is_class: bool = False
    overrides: bool = False


def complaints(item: Documented) -> list[str]:
    """Says how a docstring breaks the rules."""
    doc = item.doc
    found = _of_form(doc)
    sections = split_sections(doc)
    parameters = parameters_of(item)
    found += _of_parameters(item, parameters, sections)
    found += _of_shapes(item, parameters, sections, doc)
    found += _of_units(item, parameters, sections, doc)
    found += _of_errors(item, sections)
    return found


def split_sections(doc: str) -> dict[str, str]:
    """Gives the text of each section, and before the first, under ''."""
    parts, current = {'': []}, ''
    lines = doc.splitlines()
    skip = False
    for line, following in zip(lines, [*lines[1:], '']):
        if skip:
            skip = False
        elif line in SECTIONS and re.fullmatch('-+', following):
            current, skip = line, True
            parts[current] = []
        else:
            parts[current].append(line)
    return {name: '\n'.join(text) for name, text in parts.items()}


def entries_of(section: str) -> dict[str, str]:
    """Gives what `name : text` or `one, two : text` says of each name, in order."""
    entries: dict[str, str] = {}
    for block in re.split(r'\n(?=\S)', section.strip()):
        names, colon, text = block.partition(' : ')
        if colon and re.fullmatch(r'[\w*, ]+', names):
            entries |= {name.strip().lstrip('*'): text for name in names.split(',')}
        elif re.fullmatch(r'\w+(\n\s.*)+', block):
            name, _, text = block.partition('\n')
            entries[name] = text
    return entries


def _entries(item: Documented, sections: dict[str, str]) -> dict[str, str]:
    """What is said of each parameter, or of each attribute of a data class."""
    fields = sections.get('Attributes', '') if item.fields else ''
    return entries_of(sections.get('Parameters', fields))


def parameters_of(item: Documented) -> dict[str, str]:
    """Gives the annotation of each parameter that has to be documented, in order."""
    if item.function is None:
        return item.fields
    arguments = item.function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    if plain and plain[0].arg in ('self', 'cls'):
        plain = plain[1:]
    plain += [arguments.vararg] if arguments.vararg else []
    plain += arguments.kwonlyargs
    return {
        argument.arg: ast.unparse(argument.annotation) if argument.annotation else ''
        for argument in plain
        if not argument.arg.startswith(('_', 'unused_'))
    }


def _of_form(doc: str) -> list[str]:
    lines = doc.splitlines() or ['']
    found = []
    if not re.search(r'[.:!?]$', lines[0]):
        found.append(f'the first line is no sentence: {lines[0]!r}')
    if len(lines) > 1 and lines[1]:
        found.append('the first line goes on in the second')
    for above, line, below in zip(['', *lines], lines, [*lines[1:], '']):
        heading = line in SECTIONS
        if re.fullmatch('-{3,}', below) and not heading:
            found.append(f'there is no section {line!r}')
        if heading and below != '-' * len(line):
            found.append(f'{line} is not underlined by as many dashes')
        if heading and above:
            found.append(f'{line} follows no empty line')
    return found


def _of_parameters(
    item: Documented, parameters: dict[str, str], sections: dict[str, str]
) -> list[str]:
    entries = list(_entries(item, sections))
    allowed = list(parameters)
    if item.function and item.function.args.kwarg:
        allowed.append(item.function.args.kwarg.arg)
    found = [f'no parameter {name!r} exists' for name in entries if name not in allowed]
    told = {'Returns', 'Yields'} & set(sections)
    if 'Parameters' in sections and _gives(item) and not told:
        found.append('there is no section Returns')
    in_order = [name for name in allowed if name in entries]
    if not found and entries != in_order:
        found.append(f'parameters are not in order, which is {", ".join(in_order)}')
    required = [name for name in parameters if name not in item.elsewhere]
    if not entries and len(required) < 2 and not item.is_class:
        return found
    prose = re.findall(r'`(\w+)`', sections[''])
    return found + [
        f'parameter {name!r} is not documented'
        for name in required
        if name not in entries and (entries or name not in prose)
    ]


def _of_shapes(
    item: Documented, parameters: dict[str, str], sections: dict[str, str], doc: str
) -> list[str]:
    entries = _entries(item, sections)
    converted = _converted(item.function) if item.function else set()
    found = []
    for name, annotation in parameters.items():
        text = entries.get(name, sections[''])
        named = name in ARRAYS and 'PathLike' not in annotation
        tensor = named or name in converted or is_tensor(annotation)
        if tensor and name not in item.elsewhere and not SHAPE.search(text):
            found.append(f'parameter {name!r} has no shape')
    if not item.is_class and is_tensor(_returned(item)) and not item.overrides:
        text = sections.get('Returns', sections.get('Yields', doc))
        if not SHAPE.search(text):
            found.append('what is returned has no shape')
    return found


def is_tensor(annotation: str) -> bool:
    """Whether a value is an array, or some, rather than a dictionary of them."""
    without = re.sub(r'(dict|Mapping|Callable|Iterator|Iterable)\[.*\]', '', annotation)
    return bool(TENSOR.search(without))


def _gives(item: Documented) -> bool:
    """Whether a call gives something that no other docstring tells of."""
    silent = ('', 'None', 'NoReturn', 'Self')
    return not (item.is_class or item.overrides or _returned(item) in silent)


def _returned(item: Documented) -> str:
    returns = item.function.returns if item.function else None
    return ast.unparse(returns) if returns else ''


def _converted(function: ast.FunctionDef) -> set[str]:
    """The names that a function makes arrays of, or takes for arrays."""
    return {
        call.args[0].id
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and called_name(call) in CONVERTERS
        and call.args
        and isinstance(call.args[0], ast.Name)
    }


def _of_units(
    item: Documented, parameters: dict[str, str], sections: dict[str, str], doc: str
) -> list[str]:
    entries = _entries(item, sections)
    found = []
    for name in parameters:
        if name in item.elsewhere or parameters[name].startswith(('bool', 'Callable')):
            continue
        if lacks_unit(name, entries.get(name, sections[''])):
            found.append(f'parameter {name!r} has no unit')
    name = item.path.rpartition('.')[2]
    returned = _returned(item)
    numeric = is_tensor(returned) or returned in ('float', 'int')
    if numeric and not item.is_class and not item.overrides and lacks_unit(name, doc):
        found.append('what is returned has no unit')
    return found


def lacks_unit(name: str, text: str) -> bool:
    """Whether a name is that of a quantity, and neither it nor the text has a unit."""
    if CARRIES_UNIT.search(name):
        return False
    wanted = [units for pattern, units in UNITS if re.search(pattern, name)]
    return any(not re.search(rf'\b({u})\b', text, re.IGNORECASE) for u in wanted)


def _of_errors(item: Documented, sections: dict[str, str]) -> list[str]:
    named = named_errors(sections.get('Raises', '')) | item.elsewhere
    return [
        f'{error} is raised and not named under Raises'
        for error in sorted(item.errors)
        if not named & _kinds(error)
    ]


def named_errors(section: str) -> set[str]:
    """Gives the errors that the heads of a section name: `OSError, ValueError`."""
    heads = re.findall(r'^\w.*', section, re.MULTILINE)
    return {name for head in heads for name in re.findall(r'\w+', head)}


def _kinds(error: str) -> set[str]:
    """An error and what Python derives it from: `FileExistsError` is an `OSError`."""
    kind = getattr(builtins, error, None)
    if kind is None:
        return {error}
    bases = {base.__name__ for base in kind.__mro__}
    return bases - {'Exception', 'BaseException', 'object'}


def called_name(call: ast.Call) -> str:
    """Gives the last part of what is called: `b` of `a.b(...)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ''


def errors_raised(
    function: ast.FunctionDef, helpers: dict[str, ast.FunctionDef]
) -> set[str]:
    """Names the errors of a function, and of the helpers that it calls, and they call.

    What a function defined inside raises, or what is caught at once, is not its own.
    `NotImplementedError` asks for a subclass, not for other arguments, and
    `AssertionError` tells of a mistake of the library's own.
    """
    found, seen, waiting = set(), set(), [function]
    while waiting:
        for node in _own_nodes(waiting.pop()):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                found.add(called_name(node.exc))
            elif isinstance(node, ast.Call):
                name = called_name(node)
                if name in helpers and name not in seen:
                    seen.add(name)
                    waiting.append(helpers[name])
    errors = {name for name in found if name.endswith(('Error', 'Exit'))}
    return errors - {'NotImplementedError', 'AssertionError'}


def _own_nodes(function: ast.FunctionDef) -> list[ast.AST]:
    nodes, waiting = [], list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        nodes.append(node)
        if isinstance(node, ast.Try) and node.handlers:
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
        else:
            waiting += ast.iter_child_nodes(node)
    return nodes


def docstring(node: ast.AST) -> str:
    """Gives a docstring without indentation, or an empty one."""
    return ast.get_docstring(node) or ''


def told_by(function: ast.FunctionDef) -> set[str]:
    """Gives the parameters of a function, and the errors that its docstring names."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if arguments.vararg:
        plain.append(arguments.vararg)
    raises = split_sections(docstring(function)).get('Raises', '')
    return {argument.arg for argument in plain} | named_errors(raises)
