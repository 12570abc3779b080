"""Runs the programs beside this file and prints what each says: `python3 run.py > asyncio.txt`."""

import contextlib
import io
import logging
import pathlib
import runpy
import sys

if sys.version_info < (3, 11):
    sys.exit("the programs need Python 3.11")
logging.disable()
for program in sorted(pathlib.Path(__file__).parent.glob("programs/*.py")):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(program), run_name="__main__")
    print(f"== {program.stem}")
    print(said.getvalue(), end="")
