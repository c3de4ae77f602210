"""The op table: every scalar op, by name. The only registry."""

from __future__ import annotations

from llad.ops import arith
from llad.ops.record import OpRecord

OPS: dict[str, OpRecord] = {record.name: record for module in (arith,) for record in module.RECORDS}
