/**
 * Program that unpacks wheels as pip's `--target` would, and compiles them. Arguments: folder of wheels, folder for the
 * results (one folder per package, by normalised name). Compiled files are valid whatever their source's time, so
 * links and copies of the folder keep them. Layout of wheels: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
 */
export const wheelInstaller = `
import compileall, os, py_compile, re, sys, zipfile

source, target = sys.argv[1:3]
for file in sorted(os.listdir(source)):
    if not file.endswith(".whl"):
        continue
    name = re.sub(r"[-_.]+", "-", file.split("-")[0]).lower()
    folder = os.path.join(target, name)
    os.makedirs(folder)
    with zipfile.ZipFile(os.path.join(source, file)) as wheel:
        for item in wheel.infolist():
            parts = item.filename.split("/")
            if item.is_dir():
                continue
            if len(parts) > 2 and parts[0].endswith(".data"):
                if parts[1] not in ("purelib", "platlib", "data"):
                    continue
                parts = parts[2:]
            if any(part in ("", ".", "..") for part in parts):
                raise SystemExit("%s holds a file that leaves its folder: %s" % (file, item.filename))
            path = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(wheel.read(item))
            if item.external_attr >> 16 & 0o111:
                os.chmod(path, 0o755)
compileall.compile_dir(target, maxlevels=50, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
`;

/**
 * Program that copies the modules of a folder to a second one and compiles them there, in the same way; a module that
 * is no valid Python is left for the run to report.
 */
export const moduleCompiler = `
import compileall, py_compile, shutil, sys
source, target = sys.argv[1:3]
shutil.copytree(source, target)
compileall.compile_dir(target, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
`;
