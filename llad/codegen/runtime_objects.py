"""The run-time of entry points: what they do with Python objects that is seldom, or takes long anyway.

Written once here instead of in every entry point, whose own text is then short and quickly compiled.

Invariant: nothing here keeps a reference, but in what it returns.
"""

from __future__ import annotations

from llad.codegen.context import VALUES
from llad.codegen.layout import LAYOUT, PLAIN, Layout
from llad.codegen.runtime_pool import LARGE
from llad.codegen.runtime_text import address, loaded

_FORM = "iLLLL"  # how the error code and the values of its message are handed to Python


def _named(layout: Layout) -> str:
    """How many arguments there are, of which the first `given` have come by position and the others by name; or -1.

    The names must be those that follow in `names`, in their order, which has `most`.
    """
    return f"""
define i64 @llad.named(i64 %given, ptr %kwnames, ptr %names, i64 %most) noinline nounwind memory(read) {{
  {loaded("size", "i64", "%kwnames", layout.payload)}
  %total = add i64 %given, %size
  %few = icmp ule i64 %total, %most
  %some = icmp ne i64 %size, 0
  %fits = and i1 %few, %some
  br i1 %fits, label %loop, label %miss
loop:
  %k = phi i64 [0, %0], [%next, %same]
  {address("items", "%kwnames", layout.items)}
  %got.p = getelementptr ptr, ptr %items, i64 %k
  %position = add i64 %given, %k
  %wanted.p = getelementptr ptr, ptr %names, i64 %position
  %got = load ptr, ptr %got.p
  %wanted = load ptr, ptr %wanted.p
  %equal = icmp eq ptr %got, %wanted
  br i1 %equal, label %same, label %miss
same:
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %counted
counted:
  ret i64 %total
miss:
  ret i64 -1
}}
"""


# Whether a dict holds what a table says: `count` pairs of a name and an object, null for a name that is absent.
_UNCHANGED = f"""
define i1 @llad.unchanged(ptr %dict, ptr %table, i64 %count) noinline nounwind {{
  br label %pair
pair:
  %k = phi i64 [0, %0], [%next, %same]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %look, label %done
look:
  %name.p = getelementptr [2 x ptr], ptr %table, i64 %k
  %name = load ptr, ptr %name.p
  {loaded("wanted", "ptr", "%name.p", 8)}
  %found = call ptr @PyDict_GetItem(ptr %dict, ptr %name)
  %equal = icmp eq ptr %found, %wanted
  br i1 %equal, label %same, label %done
same:
  %next = add i64 %k, 1
  br label %pair
done:
  %all = phi i1 [true, %pair], [false, %look]
  ret i1 %all
}}
"""


# Whether `count` pointers in a row are those of a table.
_SAME = """
define i1 @llad.same(ptr %items, ptr %table, i64 %count) noinline nounwind memory(read) {
  br label %pair
pair:
  %k = phi i64 [0, %0], [%next, %look]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %look, label %done
look:
  %item.p = getelementptr ptr, ptr %items, i64 %k
  %wanted.p = getelementptr ptr, ptr %table, i64 %k
  %item = load ptr, ptr %item.p
  %wanted = load ptr, ptr %wanted.p
  %equal = icmp eq ptr %item, %wanted
  %next = add i64 %k, 1
  br i1 %equal, label %pair, label %done
done:
  %all = phi i1 [true, %pair], [false, %look]
  ret i1 %all
}
"""


def _raise(layout: Layout) -> str:
    """Have Python make the exception of an error code, with `make`, and set it."""
    return f"""
@llad.raise.values = private constant [{len(_FORM) + 1} x i8] c"{_FORM}\\00"
define void @llad.raise(ptr %ctx, i32 %code, ptr %make) noinline cold nounwind {{
  {loaded("a", "i64", "%ctx", VALUES)}
  {loaded("b", "i64", "%ctx", VALUES + 8)}
  {loaded("c", "i64", "%ctx", VALUES + 16)}
  {loaded("d", "i64", "%ctx", VALUES + 24)}
  %error = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %make, ptr @llad.raise.values,
    i32 %code, i64 %a, i64 %b, i64 %c, i64 %d)
  %failed = icmp eq ptr %error, null
  br i1 %failed, label %done, label %set
set:
  {loaded("type", "ptr", "%error", layout.type)}
  call void @PyErr_SetObject(ptr %type, ptr %error)
  call void @Py_DecRef(ptr %error)
  br label %done
done:
  ret void
}}
"""


# A new array of NumPy's type `number` and of `size` bytes; null without memory, for which an exception is set. What it
# holds is left to chance. A large one is in a block that goes to the pool when Python lets go of it.
_ARRAY = f"""
define ptr @llad.array(i32 %number, i32 %rank, ptr %shape, i64 %size) noinline nounwind {{
  %large = icmp uge i64 %size, {LARGE}
  br i1 %large, label %pooled, label %small
pooled:
  %both = call {{ptr, ptr}} @llad.owned(i64 %size)
  %capsule = extractvalue {{ptr, ptr}} %both, 0
  %block = extractvalue {{ptr, ptr}} %both, 1
  %lacking = icmp eq ptr %capsule, null
  br i1 %lacking, label %short, label %wrap
short:
  call ptr @PyErr_NoMemory()
  br label %failed
wrap:
  %window = call ptr @PyArray_New(ptr @PyArray_Type, i32 %rank, ptr %shape, i32 %number, ptr null,
    ptr %block, i32 0, i32 {PLAIN}, ptr null)
  %lost = icmp eq ptr %window, null
  br i1 %lost, label %drop, label %own
drop:
  call void @Py_DecRef(ptr %capsule)
  br label %failed
own:
  call i32 @PyArray_SetBaseObject(ptr %window, ptr %capsule)
  ret ptr %window
small:
  %made = call ptr @PyArray_New(ptr @PyArray_Type, i32 %rank, ptr %shape, i32 %number, ptr null,
    ptr null, i32 0, i32 0, ptr null)
  ret ptr %made
failed:
  ret ptr null
}}
"""


def _texts(layout: Layout) -> dict[str, str]:
    return {
        "llad.named": _named(layout),
        "llad.unchanged": _UNCHANGED,
        "llad.same": _SAME,
        "llad.raise": _raise(layout),
        "llad.array": _ARRAY,
    }


OBJECTS = {} if LAYOUT is None else _texts(LAYOUT)
BEFORE_RESULTS = tuple(name for name in OBJECTS if name != "llad.array")

OBJECTS_DECLARATIONS = {
    "PyArray_New": "declare ptr @PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)",
    "PyArray_SetBaseObject": "declare i32 @PyArray_SetBaseObject(ptr, ptr)",
    "PyArray_Type": "@PyArray_Type = external global i8",
    "PyErr_NoMemory": "declare ptr @PyErr_NoMemory()",
    "PyDict_GetItem": "declare ptr @PyDict_GetItem(ptr, ptr)",
    "Py_IncRef": "declare void @Py_IncRef(ptr)",
    "PyErr_SetObject": "declare void @PyErr_SetObject(ptr, ptr)",
}
