"""`run dev`: a parent that watches the sources, and a child process that holds the app.

The parent never imports the user's code, so nothing in it can take the parent down. The two speak in JSON lines over
the child's standard input and output; when the parent dies, the child's input ends, and so does the child.
"""
