"""A main function that takes and returns structures, and the function of plain arguments made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .scope import Scope
from .statements import Statements

CLASSES = {
    "Pair": """
class Pair(NamedTuple):
    first: Any
    second: Any
""",
    "Record": """
@dataclass
class Record:
    left: Any
    right: Any
    kind: str = "plain"
""",
}


@dataclass
class Entry:
    """How arguments are passed: the parameters of `g`, what `f` passes for them, and how `g` names what is in them."""

    parameters: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)


class Entries(Statements):
    """Parameters and results that are structures; the leaves stay in the order of f's arguments."""

    result: str = "one"

    def entry(self) -> Entry:
        """The arguments grouped, each group in a structure or plain."""
        made, leaves = Entry(), ["x", "y", "m", "a", "b"]
        while leaves:
            group = [leaves.pop(0) for _ in range(min(len(leaves), self.pick((1, 2, 2, 3, 5))))]
            parameter = f"p{len(made.parameters)}"
            text, names = self.structure(parameter, group) if self.chance(0.8) else ("", {})
            if not text:
                made.parameters += group
                made.passed += group
                made.names |= dict(zip(group, group, strict=True))
            else:
                made.parameters.append(parameter)
                made.passed.append(text)
                made.names |= names
        return made

    def structure(self, place: str, leaves: list[str]) -> tuple[str, dict[str, str]]:
        """An expression that makes a structure of the leaves, and how each is named if it lies at `place`."""
        if len(leaves) == 1:
            forms = [("({},)", (f"{place}[0]",)), ('{{"only": {}}}', (f'{place}["only"]',)), ("[{}]", (f"{place}[0]",))]
        else:
            forms = [
                ("({}, {})", (f"{place}[0]", f"{place}[1]")), ("Pair({}, {})", (f"{place}.first", f"{place}.second")),
                ("Record({}, {})", (f"{place}.left", f"{place}.right")), ("[{}, {}]", (f"{place}[0]", f"{place}[1]")),
                ('{{"u": {}, "t": {}}}', (f'{place}["u"]', f'{place}["t"]')),
                ('Record({}, {}, "other")', (f"{place}.left", f"{place}.right")),
            ]  # fmt: skip
        form, places = self.pick(forms)
        cut = self.rng.randint(1, max(1, len(leaves) - 1))
        texts, names = [], {}
        for inner, part in zip(places, (leaves[:cut], leaves[cut:]), strict=False):
            if len(part) == 1 and self.chance(0.8):
                texts.append(part[0])
                names[part[0]] = inner
            else:
                text, more = self.structure(inner, part)
                texts.append(text)
                names |= more
        return form.format(*texts), names

    RESULTS = {  # noqa: RUF012
        "one": ("{s}", "r"),
        "two": ("{s}, {v}", "r[0] - np.sum(0.7 * r[1])"),
        "three": ("{v}, {s}, {w}", "r[1] + np.sum(r[0] * r[0]) + np.sum(r[2])"),
        "dict": ('{{"s": {s}, "deep": ({v}, {j})}}', '0.3 * r["s"] + np.dot(r["deep"][0], r["deep"][0])'),
        "named": ("Pair({v}, [{s}, {t}])", "r.second[0] * r.second[1] + np.sum(r.first)"),
        "record": ("Record({s}, Pair({v}, {w}))", "r.left + np.dot(r.right.first, r.right.second)"),
        "vector": ("{v}", "np.sum(r) + np.sum(r * r)"),
    }

    def results(self, s: Scope) -> str:
        form, _ = self.RESULTS[self.result]
        n = self.style.length
        parts: dict[str, Callable[[], str]] = {
            "s": lambda: self.real(s), "t": lambda: self.real(s), "j": lambda: self.integer(s)[0],
            "v": lambda: self.pick((self.vector(s, n), self.fresh(s, n))), "w": lambda: self.fresh(s, n),
        }  # fmt: skip
        return form.format(**{name: make() for name, make in parts.items() if f"{{{name}}}" in form})
