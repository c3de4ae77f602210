"""Arguments of compiled functions and of their derivatives, as they are called from Python: LL8…"""

from llad.diagnostics import ArgumentError
from llad.refusals.record import Refusal

ARGUMENTS = (
    Refusal(
        "LL801", "argument-dtype", "{what} of dtype {dtype}", "convert it to float64, float32, int64, int32 or bool",
        "return np.sum(a)", "return np.sum(a)", kind=ArgumentError,
        asks=("llad.jit(f)(np.ones(2, np.float16))", "llad.jit(f)(np.ones(2))"),
    ),
    Refusal(
        "LL802", "argument-type", "an argument of type {type}",
        "pass numbers, NumPy arrays, and tuples, lists, dicts, named tuples and dataclasses of them",
        "return x", "return x", kind=ArgumentError,
        asks=("llad.jit(f)({1.0, 2.0})", "llad.jit(f)([1.0, 2.0])[0]"),
    ),
    Refusal(
        "LL803", "complex-out", "`out=` for a gradient by a complex argument", "take the gradient that is returned",
        "return abs(x)", "return abs(x)", kind=ArgumentError,
        asks=("llad.jit_grad(f).grad(1j, out=1j)", "llad.jit_grad(f).grad(1j)"),
    ),
    Refusal(
        "LL804", "array-class", "an array of type {type}", "pass `np.asarray(x)`",
        "return np.sum(a)", "return np.sum(a)", kind=ArgumentError,
        asks=("llad.jit(f)(np.ma.ones(3))", "llad.jit(f)(np.asarray(np.ma.ones(3)))"),
    ),
    Refusal(
        "LL805", "argnums-range",
        "argnums names argument {n}, but the call has {count} positional arguments",
        "name one that is there",
        "return x * x", "return x * x", kind=ArgumentError,
        asks=("llad.grad(f, 1)(2.0)", "llad.grad(f, 0)(2.0)"),
    ),
    Refusal(
        "LL806", "argnums-discrete", "argument {n} ({spec}) has no derivative", "pass a float or an array of floats",
        "return x * n", "return x * n", kind=ArgumentError,
        asks=("llad.grad(f, 1)(2.0, 3)", "llad.grad(f, 0)(2.0, 3)"),
    ),
    Refusal(
        "LL807", "jvp-tuples", "jvp wants its primals and tangents as tuples, got {got}",
        "call it as `f.jvp((x, y), (dx, dy))`",
        "return x * x", "return x * x", kind=ArgumentError,
        asks=("llad.jvp(f, 2.0, 1.0)", "llad.jvp(f, (2.0,), (1.0,))[1]"),
    ),
    Refusal(
        "LL808", "jvp-count", "jvp got {primals} primals but {tangents} tangents",
        "give a tangent, or None, for each primal",
        "return x * y", "return x * y", kind=ArgumentError,
        asks=("llad.jvp(f, (2.0, 3.0), (1.0,))", "llad.jvp(f, (2.0, 3.0), (1.0, None))[1]"),
    ),
    Refusal(
        "LL809", "structure", "want {form}, got {got}", "give a tangent of the structure of the primal",
        "return x[0] * x[1]", "return x[0] * x[1]", kind=ArgumentError,
        asks=("llad.jvp(f, ((2.0, 3.0),), ((1.0,),))", "llad.jvp(f, ((2.0, 3.0),), ((1.0, 0.0),))[1]"),
    ),
    Refusal(
        "LL810", "tangent-discrete", "a tangent for a number or array of another kind than float", "pass None there",
        "return x * n", "return x * n", kind=ArgumentError,
        asks=("llad.jvp(f, (2.0, 3), (1.0, 1))", "llad.jvp(f, (2.0, 3), (1.0, None))[1]"),
    ),
    Refusal(
        "LL811", "argument-shape", "an array of shape {shape} for an argument of shape {want}",
        "make the shapes equal",
        "return np.sum(a * a)", "return np.sum(a * a)", kind=ArgumentError,
        asks=("llad.jvp(f, (np.ones(3),), (np.ones(2),))", "llad.jvp(f, (np.ones(3),), (np.ones(3),))[1]"),
    ),
    Refusal(
        "LL812", "no-direction", "{got} where there is nothing to differentiate", "pass None there",
        "return x[0] * x[0]", "return x[0] * x[0]", kind=ArgumentError,
        asks=('llad.jvp(f, ((2.0, "a"),), ((1.0, "b"),))', 'llad.jvp(f, ((2.0, "a"),), ((1.0, None),))[1]'),
    ),
    Refusal(
        "LL813", "argument-depth", "an argument nested more than {depth} levels deep",
        "pass arrays; it must not contain itself",
        "return x[0]", "return x[0]", kind=ArgumentError,
        asks=("v = [1.0]\nv.append(v)\nllad.jit(f)(v)", "v = [1.0]\nv.append(2.0)\nllad.jit(f)(v)"),
    ),
    Refusal(
        "LL814", "number-wanted", "want a number, got {got}", "pass a float or an int",
        "return x * x", "return x * x", kind=ArgumentError,
        asks=('llad.jvp(f, (2.0,), ("a",))', "llad.jvp(f, (2.0,), (1.0,))[1]"),
    ),
    Refusal(
        "LL815", "shared-elements", "the function writes an array whose elements share memory", "pass a copy",
        "a[0] = 2.0\nreturn a[1]", "a[0] = 2.0\nreturn a[1]", kind=ArgumentError,
        asks=(
            "llad.jit(f)(np.lib.stride_tricks.as_strided(np.ones(1), (3,), (0,)))",
            "llad.jit(f)(np.lib.stride_tricks.as_strided(np.ones(1), (3,), (0,)).copy())",
        ),
    ),
    Refusal(
        "LL816", "out-type", "out wants an array, got {got}", "give an array like the argument",
        "return np.sum(a * a)", "return np.sum(a * a)", kind=ArgumentError,
        asks=("llad.grad(f)(np.ones(3), out=1.0)", "llad.grad(f)(np.ones(3), out=np.empty(3))[0]"),
    ),
    Refusal(
        "LL817", "out-dtype", "out wants {dtype} with {axes} axes, got {got} with {rank}",
        "give an array like the argument",
        "return np.sum(a * a)", "return np.sum(a * a)", kind=ArgumentError,
        asks=("llad.grad(f)(np.ones(3), out=np.empty(3, np.float32))", "llad.grad(f)(np.ones(3), out=np.empty(3))[0]"),
    ),
    Refusal(
        "LL818", "out-layout", "out wants a C-contiguous, writeable, aligned array", "give a new one",
        "return np.sum(a * a)", "return np.sum(a * a)", kind=ArgumentError,
        asks=("llad.grad(f)(np.ones(3), out=np.empty(6)[::2])", "llad.grad(f)(np.ones(3), out=np.empty(3))[0]"),
    ),
    Refusal(
        "LL819", "overlap", "{what}", "pass a copy",
        "a[0] = k[0]\nreturn a[1]", "a[0] = k[0]\nreturn a[1]", kind=ArgumentError,
        asks=("b = np.ones(3)\nllad.grad(f)(b, b)", "b = np.ones(3)\nllad.grad(f)(b, b.copy())[1]"),
    ),
    Refusal(
        "LL820", "argument-key", "an argument that is a dict with the key {key}", "use str or int keys",
        "return sum(x.values())", "return sum(x.values())", kind=ArgumentError,
        asks=('llad.jit(f)({("a", 1): 2.0})', 'llad.jit(f)({"a1": 2.0})'),
    ),
    Refusal(
        "LL821", "seed-structure", "want a seed for each of {count} items of {form}, got {got}",
        "give a seed of the structure of the value",
        "return x * y, x + y", "return x * y", kind=ArgumentError,
        asks=("llad.vjp(f, 2.0, 3.0)[1](1.0)", "llad.vjp(f, 2.0, 3.0)[1](1.0)[0]"),
    ),
    Refusal(
        "LL822", "seed-kind", "want {want} as the seed, got {got}",
        "give a seed of the shape and dtype of the value, None for what has no derivative",
        "return a * a", "return a[0] * a[1]", kind=ArgumentError,
        asks=("llad.vjp(f, np.ones(3))[1](np.ones(2))", "llad.vjp(f, np.ones(3))[1](1.0)[0]"),
    ),
    Refusal(
        "LL823", "unaligned", "a {kind} array that is not aligned in memory", "make a copy",
        "a[0] = 2.0\nreturn a[1]", "a[0] = 2.0\nreturn a[1]", kind=ArgumentError,
        asks=(
            "b = np.zeros(17, np.uint8)\nllad.jit(f)(b[1:].view(np.float64))",
            "b = np.zeros(17, np.uint8)\nllad.jit(f)(b[1:].view(np.float64).copy())",
        ),
    ),
)  # fmt: skip
