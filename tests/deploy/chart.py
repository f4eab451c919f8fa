"""The chart as Helm 4 itself lints, checks and renders it: `chart.py CHART`, values as JSON on standard input.

Prints the manifests by template as JSON; exit code 1 with Helm's own words where it refuses the values.
"""

import json
import sys

import helm_python
from helm_python import chart


def main(path: str) -> int:
    values = json.load(sys.stdin)
    try:
        loaded = chart.Chart.load(path)
        loaded.validate_schema(loaded.merge_values(values))
        rendered = loaded.render(values, name="prod", namespace="ward")
    except helm_python.HelmError as error:
        print(error, file=sys.stderr)
        return 1
    report = chart.lint(path, values, strict=True, namespace="ward", kube_version="v1.28.0")
    found = [m["error"] for m in report["messages"] if m["severity"] >= 2] + report["errors"]
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    json.dump(rendered, sys.stdout)
    return 0


sys.exit(main(sys.argv[1]))
