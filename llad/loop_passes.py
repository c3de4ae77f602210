"""The passes that have nothing to do where there is no loop: each is loaded when it is first run.

A function of a few numbers is compiled in the time that it takes to load them.
"""

from __future__ import annotations

from llad.ir.core import Function
from llad.later import Later


class LoopPass:
    """The pass of this name, in the file of `llad/passes/` that is called so."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.__module__ = f"llad.passes.{name}"
        self._loaded = Later(self.__module__)

    def __call__(self, fn: Function) -> Function:
        made: Function = getattr(self._loaded, self.__name__)(fn)
        return made

    def __repr__(self) -> str:
        return f"<pass {self.__name__}>"


accumulate = LoopPass("accumulate")
across = LoopPass("across")
afterwards = LoopPass("afterwards")
ascend = LoopPass("ascend")
aside = LoopPass("aside")
blocks = LoopPass("blocks")
columns = LoopPass("columns")
contract = LoopPass("contract")
decide = LoopPass("decide")
distribute = LoopPass("distribute")
distribute_strips = LoopPass("distribute_strips")
extrema = LoopPass("extrema")
flat = LoopPass("flat")
flatten = LoopPass("flatten")
foresee = LoopPass("foresee")
fetch = LoopPass("fetch")
fuse = LoopPass("fuse")
independent = LoopPass("independent")
induction = LoopPass("induction")
interchange = LoopPass("interchange")
jam = LoopPass("jam")
latest = LoopPass("latest")
licm = LoopPass("licm")
lodge = LoopPass("lodge")
onward = LoopPass("onward")
panels = LoopPass("panels")
peel = LoopPass("peel")
postpone = LoopPass("postpone")
presume = LoopPass("presume")
products = LoopPass("products")
reuse = LoopPass("reuse")
rows = LoopPass("rows")
singles = LoopPass("singles")
singly = LoopPass("singly")
sooner = LoopPass("sooner")
stages = LoopPass("stages")
states = LoopPass("states")
stream = LoopPass("stream")
tabulate = LoopPass("tabulate")
tiles = LoopPass("tiles")
unwrap = LoopPass("unwrap")
version = LoopPass("version")
whole = LoopPass("whole")
winner = LoopPass("winner")
