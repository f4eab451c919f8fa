"""Makes every fixture of this folder again: `python make.py` (requirements.txt says with what).

Each model file `x.*` has a golden file `x.golden.json` beside it: rows (null = missing) and what the library that made
the model predicts for them. All data are random numbers; no patient is in them.
"""

import sys

import networks
import trees

if __name__ == "__main__":
    for name, make in (trees.ALL | networks.ALL).items():
        make(name)
        print(name, file=sys.stderr)
