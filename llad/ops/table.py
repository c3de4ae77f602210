"""The op table: every scalar op, by name. The only registry."""

from __future__ import annotations

from llad.ops import arith, compare, elementary, held, integer, scipy_special, special
from llad.ops.record import OpRecord

MODULES = (arith, elementary, special, scipy_special, compare, integer, held)

OPS: dict[str, OpRecord] = {record.name: record for module in MODULES for record in module.RECORDS}

assert len(OPS) == sum(len(module.RECORDS) for module in MODULES), "two ops of one name"
