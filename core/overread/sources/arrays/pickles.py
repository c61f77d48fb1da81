"""Reads pickles that hold only numpy arrays, numbers, text, lists and dicts, without running any of their code.

A pickle is a program, and Python's own unpickler calls whatever the program names. Here the opcodes are interpreted
one by one. Only those that make plain values are supported, and the few calls by which numpy writes an array, whose
arguments are checked. Formats: pickletools' documentation, numpy's ndarray.__reduce__ and __reduce_ex__.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

_MAX_BYTES = 2**30
_MAX_STEPS = 5_000_000
"""CIFAR-100's training batch takes a quarter of a million."""
_KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_BOXED = "O8"
_MAX_AXES = 8


class PickleError(ValueError):
    """A pickle is truncated or damaged, or holds what is not allowed. The message names neither file nor path."""


@dataclass(slots=True)
class _Type:
    """A numpy dtype under construction."""

    kind: str
    order: str = "|"


@dataclass(slots=True)
class _Array:
    """A numpy array under construction."""

    values: Any = None


@dataclass(frozen=True, slots=True)
class _Name:
    """A class or function that a pickle may name."""

    text: str


_MARK = object()
_OBJECTS = "it holds an array of objects, which is not admitted"


class _Whole:
    """A file that is never asked for more than it holds: a length in a damaged pickle allocates nothing."""

    def __init__(self, file: IO[bytes], num_bytes: int) -> None:
        self._file, self._num_left = file, num_bytes

    def read(self, num_bytes: int) -> bytes:
        if num_bytes > self._num_left:
            raise PickleError("it is cut short")
        self._num_left -= num_bytes
        return self._file.read(num_bytes)

    def readline(self) -> bytes:
        line = self._file.readline(min(self._num_left, 1000))
        self._num_left -= len(line)
        if b"\\" in line:  # in the name of no class, and pickletools would warn of an escape that it does not know
            raise PickleError("it holds text with escapes, which is not admitted")
        return line


def read_pickle(file: IO[bytes], num_bytes: int) -> Any:
    """The value that the next pickle of a file holds; its arrays are read-only.

    num_bytes: how many bytes of the file are left. Allowed: numpy arrays of bool, int, uint and float, str, bytes,
    int, bool, None, list, tuple, dict; and around all of it one array of a single object, as numpy.save writes a dict.
    Python 2 text is decoded as Latin-1. Raises PickleError for anything else, without running it, for protocols 0 and
    1, and for more than a gibibyte.
    """
    if num_bytes > _MAX_BYTES:
        raise PickleError(f"it has more than {_MAX_BYTES} bytes")
    try:
        return _finished(_Machine(num_bytes).run(_Whole(file, num_bytes)))
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise PickleError("it is damaged") from error


def read_pickle_file(path: Path) -> Any:
    """The value in a file that is one pickle; see `read_pickle`."""
    with path.open("rb") as file:
        return read_pickle(file, path.stat().st_size)


class _Machine:
    """The stack and the memo that a pickle's opcodes work on."""

    def __init__(self, num_bytes: int) -> None:
        self._stack: list = []
        self._memo: dict[int, Any] = {}
        self._num_encodable = num_bytes
        """How many bytes of text may become bytes: a memo lets a pickle convert the same text again and again."""

    def run(self, file: _Whole) -> Any:
        stack, memo = self._stack, self._memo
        for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            name = opcode.name
            if name == "STOP":
                (value,) = stack
                return value
            if step >= _MAX_STEPS:
                raise PickleError(f"it takes more than {_MAX_STEPS} steps")
            if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            elif name in _VALUES:
                stack.append(argument)
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[argument] = stack[-1]
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                stack.append(memo[argument])
            elif name == "GLOBAL":
                stack.append(_admitted(*argument.split(" ", 1)))
            elif name in _STEPS:
                _STEPS[name](self)
            elif name not in ("PROTO", "FRAME"):
                raise PickleError(f"it holds {name}, which is not admitted")
        raise PickleError("it is cut short")

    def _take(self, count: int) -> tuple:
        values = tuple(self._stack[-count:])
        if len(values) < count or any(value is _MARK for value in values):
            raise PickleError("it is damaged")
        del self._stack[-count:]
        return values

    def _since_mark(self) -> tuple:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise PickleError("it is damaged")
        values = tuple(self._stack[place + 1 :])
        del self._stack[place:]
        return values

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _fill_list(self, values: tuple) -> None:
        if type(self._stack[-1]) is not list:
            raise PickleError("it is damaged")
        self._stack[-1].extend(values)

    def _fill_dict(self, values: tuple) -> None:
        keys = values[::2]
        if type(self._stack[-1]) is not dict or not all(type(key) in (str, bytes) for key in keys):
            raise PickleError("it holds a dict whose keys are no text")
        self._stack[-1].update(zip(keys, values[1::2], strict=True))

    def _call(self) -> None:
        name, arguments = self._take(2)
        if not isinstance(name, _Name) or type(arguments) is not tuple:
            raise PickleError("it calls what is not admitted")
        match name.text, arguments:
            case "numpy dtype", (kind, *_) if kind in (*_KINDS, _BOXED):
                self._push(_Type(kind))
            case "numpy dtype", (kind, *_):
                raise PickleError(f"it holds an array of {kind!r:.20}, which is not admitted")
            case "numpy _reconstruct", (_Name("numpy ndarray"), *_):
                self._push(_Array())
            case "numpy _frombuffer", (data, dtype, shape, order):
                self._push(_Array(self._array(data, dtype, shape, order)))
            case "_codecs encode", (str() as text, "latin1" | "latin-1"):  # bytes of Python 3 in protocol 2
                self._push(self._encoded(text))
            case _:
                raise PickleError("it calls what is not admitted")

    def _build(self) -> None:
        made, state = self._take(2)
        match made, state:
            case _Type(), (_, "<" | ">" | "|" | "=" as order, *_):
                made.order = order
            case _Array(values=None), (_, shape, dtype, bool() | 0 | 1 as is_fortran_order, data):
                made.values = self._array(data, dtype, shape, "F" if is_fortran_order else "C")
            case _:
                raise PickleError("it changes what is not admitted")
        self._push(made)

    def _array(self, data: Any, dtype: Any, shape: Any, order: Any) -> Any:
        if (
            not isinstance(dtype, _Type)
            or type(shape) is not tuple
            or len(shape) > _MAX_AXES
            or order not in ("C", "F")
        ):
            raise PickleError("it holds a damaged array")
        if not all(type(side) is int and side >= 0 for side in shape):
            raise PickleError("it holds a damaged array")
        if dtype.kind == _BOXED:
            if shape or type(data) is not list or len(data) != 1:
                raise PickleError(_OBJECTS)
            return data
        kind = np.dtype(dtype.order + dtype.kind)
        if type(data) is str:  # of Python 2
            data = self._encoded(data)
        if not isinstance(data, bytes | bytearray) or len(data) != prod(shape) * kind.itemsize:
            raise PickleError("it holds an array whose size is not that of its data")
        values = np.frombuffer(data, dtype=kind).reshape(shape, order=order)
        values.flags.writeable = False
        return values

    def _encoded(self, text: str) -> bytes:
        self._num_encodable -= len(text)
        if self._num_encodable < 0:
            raise PickleError("it grows larger than its file")
        return text.encode("latin-1")


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": _MARK}
_VALUES = (
    *("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
_NAMES = {name: _Name(name) for name in ("numpy ndarray", "numpy dtype", "_codecs encode")}
for _core in ("core", "_core"):
    _NAMES[f"numpy.{_core}.multiarray _reconstruct"] = _Name("numpy _reconstruct")
    _NAMES[f"numpy.{_core}.numeric _frombuffer"] = _Name("numpy _frombuffer")


def _admitted(module: Any, name: Any) -> _Name:
    if type(module) is str and type(name) is str and f"{module} {name}" in _NAMES:
        return _NAMES[f"{module} {name}"]
    raise PickleError(f"it names {str(module)[:40]}.{str(name)[:40]}, which is not admitted and was not run")


_STEPS: dict[str, Callable[[_Machine], None]] = {
    "EMPTY_LIST": lambda machine: machine._push([]),
    "EMPTY_DICT": lambda machine: machine._push({}),
    "TUPLE": lambda machine: machine._push(machine._since_mark()),
    "TUPLE1": lambda machine: machine._push(machine._take(1)),
    "TUPLE2": lambda machine: machine._push(machine._take(2)),
    "TUPLE3": lambda machine: machine._push(machine._take(3)),
    "APPEND": lambda machine: machine._fill_list(machine._take(1)),
    "APPENDS": lambda machine: machine._fill_list(machine._since_mark()),
    "SETITEM": lambda machine: machine._fill_dict(machine._take(2)),
    "SETITEMS": lambda machine: machine._fill_dict(machine._since_mark()),
    "STACK_GLOBAL": lambda machine: machine._push(_admitted(*machine._take(2))),
    "REDUCE": _Machine._call,
    "BUILD": _Machine._build,
}


def _finished(value: Any) -> Any:
    """The value with its arrays finished: itself, or those of a dict. Deeper ones stay unread."""
    if isinstance(value, _Array) and type(value.values) is list:
        (value,) = value.values
    return {key: _whole(part) for key, part in value.items()} if type(value) is dict else _whole(value)


def _whole(part: Any) -> Any:
    if isinstance(part, _Array) and isinstance(part.values, np.ndarray):
        return part.values
    if isinstance(part, _Array | _Type | _Name):
        raise PickleError(_OBJECTS)
    return part
