"""The pages of the documentation site that no person writes by hand.

`scripts/docs_hooks.py` gives them to MkDocs. Each is made of the one place where its
content is kept: docstrings, notebooks, command lines, the documents of the repository.
"""
