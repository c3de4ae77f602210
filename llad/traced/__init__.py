"""Functions of NumPy, written in the Python that llad compiles: a call of one is traced as if its text stood there.

Those that `table.py` lists are named as NumPy's are, and their signatures and docstrings are those of the documents
(`docs/numpy.md`). What is loops over elements here is one loop after fusion, and derivatives need nothing said. Errors
and reports name the line of the caller.
"""
