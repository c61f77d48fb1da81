"""Reads pickles that hold only numpy arrays, numbers, text, lists and dicts, without running any of their code.

A pickle is a program that calls whatever it names. Its opcodes are checked first; then Python's own unpickler reads it,
with stand-ins for the few functions by which numpy writes an array. Any other name is refused.
Formats: pickletools' documentation, numpy's ndarray.__reduce__ and __reduce_ex__.
"""

import io
import pickle  # nosec B403 # runs no code
import pickletools  # nosec B403 # runs no code
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

_MAX_BYTES = 2**30
_MAX_STEPS = 5_000_000
"""CIFAR-100's training batch takes a quarter of a million."""
_MAX_TUPLES = 10_000
"""An array takes four. One inside the other without end, as the key of a dict, would end the process."""
_OPCODES = {
    *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"),
    *("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    "BINPERSID",  # the unpickler refuses it, once it has named the tensor that it is a part of
}
_CUT_SHORT = ("remain", "not enough data", "exhausted", "no newline")
"""What pickletools says of a pickle that ends too early."""
_KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_BOXED = "O8"
_MAX_AXES = 8
_OBJECTS = "it holds an array of objects, which is not allowed"


class PickleError(ValueError):
    """A pickle is truncated or damaged, or holds what is not allowed. The message names neither file nor path."""


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
        start, content = file.tell(), _Content(file.read(num_bytes))
        _check_opcodes(content)
        file.seek(start + content.tell())
        content.seek(0)
        return _finished(_Unpickler(content, num_bytes).load())
    except PickleError:
        raise
    except Exception as error:  # the unpickler meets damaged files with nearly any exception
        raise PickleError("it is damaged") from error


def read_pickle_file(path: Path) -> Any:
    """The value in a file that is one pickle; see `read_pickle`."""
    with path.open("rb") as file:
        return read_pickle(file, path.stat().st_size)


class _Content(io.BytesIO):
    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if b"\\" in line:  # in the name of no class, and pickletools would warn of an escape that it does not know
            raise PickleError("it holds text with escapes, which is not allowed")
        return line


def _check_opcodes(content: _Content) -> None:
    """Go through a pickle to its end. Raises PickleError for what is not admitted, and what would take more room or
    time than a file of its size may."""
    num_tuples = 0
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if opcode.name not in _OPCODES:
                raise PickleError(f"it holds {opcode.name}, which is not allowed")
            num_tuples += opcode.name.startswith("TUPLE")
            if step >= _MAX_STEPS or num_tuples > _MAX_TUPLES:
                raise PickleError(f"it takes more than {_MAX_STEPS} steps, or holds more than {_MAX_TUPLES} tuples")
            # The unpickler makes room for every place of its memo up to the highest one.
            if opcode.name == "LONG_BINPUT" and (argument or 0) > step:
                raise PickleError("it is damaged")
    except PickleError:
        raise
    except ValueError as error:
        is_cut_short = any(words in str(error) for words in _CUT_SHORT)
        raise PickleError("it is truncated" if is_cut_short else "it is damaged") from error


class _Unpickler(pickle.Unpickler):
    """Python's own, but for what names stand for."""

    def __init__(self, content: _Content, num_bytes: int) -> None:
        super().__init__(content, encoding="latin-1")
        self._num_encodable = num_bytes
        """How many bytes of text may become bytes: a memo lets a pickle convert the same text again and again."""

    def find_class(self, module: str, name: str) -> Any:
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy", "ndarray":
                return _NDARRAY
            case "numpy", "dtype":
                return _Function(_DType)
            case "numpy.core.multiarray", "_reconstruct":
                return _Function(self._reconstruct)
            case "numpy.core.numeric", "_frombuffer":
                return _Function(self._from_buffer)
            case "_codecs", "encode":
                return _Function(self._encode)
        raise PickleError(f"it names {module[:40]}.{name[:40]}, which is not allowed and was not run")

    def _reconstruct(self, kind: Any, *_: Any) -> "_Array":
        if kind is not _NDARRAY:
            raise PickleError("it calls something that is not allowed")
        return _Array(self._encode)

    def _from_buffer(self, data: Any, dtype: Any, shape: Any, order: Any) -> "_Array":
        array = _Array(self._encode)
        array.fill(data, dtype, shape, order)
        return array

    def _encode(self, text: Any, encoding: Any = "latin1") -> bytes:
        """As protocol 2 writes the bytes of Python 3."""
        if type(text) is not str or encoding not in ("latin1", "latin-1"):
            raise PickleError("it calls something that is not allowed")
        self._num_encodable -= len(text)
        if self._num_encodable < 0:
            raise PickleError("it grows larger than its file")
        return text.encode("latin-1")


class _Function:
    """What a pickle may call, and not change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, _state: Any) -> None:
        raise PickleError("it changes something that is not allowed")


def _not_called(*_: Any) -> None:
    raise PickleError("it calls something that is not allowed")


_NDARRAY = _Function(_not_called)


class _DType:
    """A numpy dtype while it is being put together."""

    __slots__ = ("kind", "order")

    def __init__(self, kind: Any, *_: Any) -> None:
        if type(kind) is not str or kind not in (*_KINDS, _BOXED):
            raise PickleError(f"it holds an array of {str(kind)[:20]!r}, which is not allowed")
        self.kind, self.order = kind, "|"

    def __setstate__(self, state: Any) -> None:
        match state:
            case _, "<" | ">" | "|" | "=" as order, *_:
                self.order = order
            case _:
                raise PickleError("it changes something that is not allowed")


class _Array:
    """A numpy array while it is being put together."""

    __slots__ = ("_encode", "values")

    def __init__(self, encode: Callable[[str], bytes]) -> None:
        self._encode = encode
        self.values: np.ndarray | list[Any] | None = None
        """A list of the one object that an array of objects may hold."""

    def __setstate__(self, state: Any) -> None:
        match state:
            case _, shape, dtype, bool() | 0 | 1 as is_fortran_order, data if self.values is None:
                self.fill(data, dtype, shape, "F" if is_fortran_order else "C")
            case _:
                raise PickleError("it changes something that is not allowed")

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> None:
        is_shape = type(shape) is tuple and len(shape) <= _MAX_AXES
        if not (is_shape and all(type(side) is int and side >= 0 for side in shape)):
            raise PickleError("it holds a damaged array")
        if type(dtype) is not _DType or order not in ("C", "F"):
            raise PickleError("it holds a damaged array")
        if dtype.kind == _BOXED:
            if shape or type(data) is not list or len(data) != 1:
                raise PickleError(_OBJECTS)
            self.values = data
            return
        kind = np.dtype(dtype.order + dtype.kind)
        if type(data) is str:  # of Python 2
            data = self._encode(data)
        if type(data) not in (bytes, bytearray) or len(data) != prod(shape) * kind.itemsize:
            raise PickleError("it holds an array whose size is not that of its data")
        self.values = np.frombuffer(data, dtype=kind).reshape(shape, order=order)
        self.values.flags.writeable = False


def _finished(value: Any) -> Any:
    """The value with its arrays whole: itself, or those of a dict. Deeper ones stay as they are: unread."""
    if type(value) is _Array and type(value.values) is list:
        (value,) = value.values
    if type(value) is not dict:
        return _whole(value)
    if not all(type(key) in (str, bytes) for key in value):
        raise PickleError("it holds a dict whose keys are no text")
    return {key: _whole(part) for key, part in value.items()}


def _whole(part: Any) -> Any:
    if type(part) is _Array and isinstance(part.values, np.ndarray):
        return part.values
    if type(part) in (_Array, _DType, _Function):
        raise PickleError(_OBJECTS)
    return part
