"""Differentiation, IR → IR: `forward.tangent`, `reverse.gradient`, and `expand.expand` for nested derivatives."""
