"""Makes a script ready in the parent, so that the children it forks only have to execute it."""
import ast
import importlib
import importlib.util
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
OWN = ("script", "shell", "results", "loading")
# Importing these does something visible or opens what a fork must not share.
UNSAFE = {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "test", "lib2to3", "readline", "curses"}
prepared = {}


class Script:
    def __init__(self, entry, name, package, code, raw_result):
        self.entry, self.name, self.package, self.code, self.raw_result = entry, name, package, code, raw_result


def prepare(job):
    """Compiles the entry and imports what it needs of the standard library. Errors are met again, and told, in the child."""
    entry = job["entry"]
    if entry not in prepared:
        search = [path for path in job["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
        # Shadowing: a script or package of the user may be named like a module of this guest.
        sys.path[:] = search + [path for path in sys.path if path != HERE and path not in search]
        for name in OWN:
            sys.modules.pop(name, None)
        name, package = module_name(entry, search)
        source = b""
        try:
            with open(entry, "rb") as file:
                source = file.read()
            tree = ast.parse(source, entry)
            code = compile(tree, entry, "exec", dont_inherit=True)
            import_standard(tree, search)
        except (SyntaxError, ValueError, OSError):
            code = None
        head = source[:4000].decode("utf-8", "replace").split("\n")
        raw = any(line.lstrip("# ").startswith("skip_result_postprocessing") for line in head if line.startswith("#"))
        prepared[entry] = Script(entry, name, package, code, raw)
    return prepared[entry]


def module_name(entry, search):
    """The dotted name of a script that lies in a package layout of the search path, so that relative imports work."""
    for path in search:
        inside = os.path.relpath(entry, path)
        parts = os.path.splitext(inside)[0].split(os.sep)
        if not inside.startswith("..") and all(part.isidentifier() for part in parts):
            return ".".join(parts), ".".join(parts[:-1])
    return os.path.splitext(os.path.basename(entry))[0], ""


def import_standard(tree, search):
    """Only the standard library: its modules start no threads, so their import survives a fork."""
    standard = getattr(sys, "stdlib_module_names", frozenset())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            shadowed = any(os.path.exists(os.path.join(path, top + ending)) for path in search for ending in ("", ".py"))
            if top in standard and top not in UNSAFE and not shadowed:
                try:
                    importlib.import_module(name)
                except Exception:
                    pass


def load(script):
    """The script as a module, in the child."""
    sys.argv = [script.entry]
    module = types.ModuleType(script.name)
    module.__file__ = script.entry
    module.__package__ = script.package
    module.__spec__ = importlib.util.spec_from_file_location(script.name, script.entry)
    sys.modules[script.name] = module
    code = script.code
    if code is None:
        with open(script.entry, "rb") as file:
            code = compile(file.read(), script.entry, "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return module
