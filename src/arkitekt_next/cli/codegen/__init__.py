"""Writing a typed Python module out of published definitions.

Everything that comes from a hub is text that a stranger wrote: it reaches the module only as checked names and as
escaped literals, never as code.
"""
