"""Writes what is in a skops file as a pickle, without making any of the objects in it.

A skops file says in JSON which objects a model is made of. Whoever lets skops make them runs what
their classes run; here they are only written down, and the gateway's own door reads the outcome.
Arrays, numbers, texts and collections are the only things that are made on the way.
"""

from __future__ import annotations

import copyreg
import json
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final
from zipfile import ZipFile

import numpy as np
from scipy.sparse import load_npz

from app.errors import ModelRejectedError

Find = Callable[[str, str], Any]
"""Returns what a module calls a name, where the gateway's list has it; else refuses."""

_PROTOCOL: Final = 2
_KEYS: Final = (str, int, float)
_BIT_GENERATORS: Final[dict[str, Callable[[int], np.random.BitGenerator]]] = {
    it.__name__: it
    for it in (
        np.random.MT19937,
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.Philox,
        np.random.SFC64,
    )
}
_Node = dict[str, Any]


def pickled(content: bytes, find: Find) -> bytes:
    """Return the model in the skops file *content* as a pickle, for the gateway's door to read.

    Raises:
        ModelRejectedError: it names what *find* refuses, has functions or methods in it, or is
            no skops file.
    """
    try:
        with ZipFile(BytesIO(content)) as file:
            return pickle.dumps(_Written(file, find).whole(), protocol=4)
    except ModelRejectedError:
        raise
    except Exception as error:
        problem = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
        raise ModelRejectedError(f"the skops file cannot be read: {problem[:200]!a}") from error


class _Made:
    """Stands for an object of *kind*: a pickler writes it as the call that would make it."""

    def __init__(
        self, kind: type, call: Any, arguments: tuple[Any, ...], state: Any = None
    ) -> None:
        self._kind = kind
        self._call = (call, arguments, state or None)
        self.pairs: dict[Any, Any] = {}

    @property  # type: ignore[misc]  # picklers compare it with the class of the call
    def __class__(self) -> type:
        return self._kind

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return (*self._call, None, iter(self.pairs.items()) if self.pairs else None)


class _Written:
    """The objects of one skops *file*, each written once."""

    def __init__(self, file: ZipFile, find: Find) -> None:
        self._file = file
        self._find = find
        self._known: dict[Any, Any] = {}

    def whole(self) -> Any:
        """Return what stands for the model."""
        schema = json.loads(self._file.read("schema.json"))
        if schema.get("protocol") not in range(_PROTOCOL + 1):
            raise _refused(f"protocol {schema.get('protocol')!r}, which is not known")
        return self.node(schema)

    def node(self, node: _Node) -> Any:
        """Return what stands for *node* and all below it."""
        known = node.get("__id__")
        if known is not None and known in self._known:
            return self._known[known]
        loader = node["__loader__"]
        if loader not in _LOADERS:
            raise _refused(f"{loader} ({node.get('__module__')}.{node.get('__class__')})")
        made = _LOADERS[loader](self, node)
        if known is not None:
            self._known[known] = made
        return made

    def kind(self, node: _Node) -> type:
        """Return the class that *node* names; never a function."""
        found = self._find(str(node["__module__"]), str(node["__class__"]))
        if not isinstance(found, type):
            raise _refused(f"{node['__module__']}.{node['__class__']}, which is no class")
        return found

    def nodes(self, nodes: list[_Node]) -> Iterator[Any]:
        return map(self.node, nodes)

    def instance(self, node: _Node) -> Any:
        kind, content = self.kind(node), node.get("content")
        state = self.node(content) if content is not None else None
        if type(state) is tuple and kind.__module__.startswith("sklearn."):  # compiled code
            return _Made(kind, self._find(kind.__module__, "newObj"), (kind,), state)
        return _Made(kind, copyreg.__newobj__, (kind,), state)  # type: ignore[attr-defined]

    def call(self, node: _Node) -> Any:
        return _Made(kind := self.kind(node), kind, self._arguments(node["content"]))

    def reduced(self, node: _Node) -> Any:
        """Stand for a compiled object: a tree, or the loss of a boosting."""
        arguments = self._arguments(node["__reduce__"]["args"])
        kind = self.kind(node)
        return _Made(kind, kind, arguments, self.node(node["content"]))

    def _arguments(self, node: _Node) -> tuple[Any, ...]:
        arguments = self.node(node)
        if type(arguments) is not tuple:
            raise _refused("a call whose arguments are no tuple")
        return arguments

    def mapping(self, node: _Node) -> Any:
        kind = self.kind(node)
        content = dict(zip(self._keys(node), self.nodes(node["content"].values()), strict=True))
        if kind in {dict, OrderedDict}:
            return kind(content)
        if not issubclass(kind, dict):
            raise _refused(f"a mapping of the class {kind.__name__}")
        made = _Made(kind, copyreg.__newobj__, (kind,))  # type: ignore[attr-defined]
        made.pairs = content
        return made

    def _keys(self, node: _Node) -> list[Any]:
        kinds = [self.kind(it) for it in node["key_types"]["content"]]
        if not all(
            it in _KEYS or (it.__module__ == "numpy" and issubclass(it, np.number | np.str_))
            for it in kinds
        ):
            raise _refused("a mapping with keys that are neither texts nor numbers")
        return [kind(key) for kind, key in zip(kinds, node["content"], strict=True)]

    def default(self, node: _Node) -> Any:
        factory, main = self.node(node["content"]["default_factory"]), node["content"]["main"]
        content = self.node(main)
        if type(content) is not dict or not (factory is None or isinstance(factory, type)):
            raise _refused("a defaultdict of another form")
        return defaultdict(factory, content)

    def collection(self, node: _Node) -> Any:
        kind, members = self.kind(node), tuple(self.nodes(node["content"]))
        if kind in {list, set, tuple}:
            return kind(members)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return _Made(kind, copyreg.__newobj__, (kind, *members))  # type: ignore[attr-defined]
        raise _refused(f"a collection of the class {kind.__name__}")

    def bytes(self, node: _Node) -> Any:
        content = self._file.read(node["file"])
        return bytearray(content) if node["__loader__"] == "BytearrayNode" else content

    def array(self, node: _Node) -> Any:
        if node["type"] == "numpy":
            array = np.load(BytesIO(self._file.read(node["file"])), allow_pickle=False)
            return array if node["__class__"] == "ndarray" else array[()]
        array = np.empty(len(node["content"]), dtype=object)
        for place, it in enumerate(self.nodes(node["content"])):
            array[place] = it
        shape = self.node(node["shape"])
        return array if len(shape) == 1 else np.array(array.tolist(), dtype=object)

    def masked(self, node: _Node) -> Any:
        data, mask = (self.node(node["content"][it]) for it in ("data", "mask"))
        return np.ma.MaskedArray(np.asarray(data), np.asarray(mask, dtype=bool))

    def random_state(self, node: _Node) -> Any:
        state = np.random.RandomState()
        state.set_state(self.node(node["content"]))
        return state

    def generator(self, node: _Node) -> Any:
        """Return a generator in its state; what its seed had spawned before is not kept."""
        state = self.node(node["content"]["bit_generator"])
        kind = _BIT_GENERATORS.get(state["bit_generator"])
        if kind is None:
            raise _refused("a generator of random numbers that NumPy does not have")
        bits = kind(0)
        bits.state = state
        return np.random.Generator(bits)

    def ufunc(self, node: _Node) -> Any:
        """Return one of NumPy's or SciPy's compiled functions; every other function is refused."""
        is_numpy = str(node["__module__"]).startswith("numpy.")
        found = self._find("numpy" if is_numpy else str(node["__module__"]), node["__class__"])
        if not isinstance(found, np.ufunc):
            raise _refused(f"the function {node['__module__']}.{node['__class__']}")
        return found

    def slice(self, node: _Node) -> Any:
        return slice(*(node["content"][it] for it in ("start", "stop", "step")))


_LOADERS: Final[dict[str, Callable[[_Written, _Node], Any]]] = {
    "BytearrayNode": _Written.bytes,
    "BytesNode": _Written.bytes,
    "ConstructorFromReduceNode": _Written.call,
    "DTypeNode": lambda it, node: it.node(node["content"]).dtype,
    "DefaultDictNode": _Written.default,
    "DictNode": _Written.mapping,
    "FunctionNode": _Written.ufunc,
    "JsonNode": lambda _, node: json.loads(node["content"]),
    "ListNode": _Written.collection,
    "LossNode": _Written.reduced,
    "MaskedArrayNode": _Written.masked,
    "NdArrayNode": _Written.array,
    "ObjectNode": _Written.instance,
    "RandomGeneratorNode": _Written.generator,
    "RandomStateNode": _Written.random_state,
    "SetNode": _Written.collection,
    "SliceNode": _Written.slice,
    "SparseMatrixNode": lambda it, node: load_npz(BytesIO(it.bytes(node))),
    "TreeNode": _Written.reduced,
    "TupleNode": _Written.collection,
    "TypeNode": _Written.kind,
}


def _refused(what: str) -> ModelRejectedError:
    return ModelRejectedError(
        f"the skops file holds {what[:200].encode('unicode_escape').decode()}. Fix: log the model "
        "with serialization_format='cloudpickle', which passes the gateway's own list"
    )
