"""Kubernetes' own resources, no field but the defined ones: `manifests.py VERSION...`, a JSON list of manifests on standard input.

Prints how many were checked; exit code 1 with every mistake.
"""

import json
import sys

import kubernetes_validate


def main(versions: list[str]) -> int:
    manifests = json.load(sys.stdin)
    mistakes = []
    for version in versions:
        for manifest in manifests:
            name = f'{version} {manifest.get("kind")} {manifest.get("metadata", {}).get("name")}'
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                mistakes.append(f"{name}: {error}")
    print("\n".join(mistakes) or f"{len(manifests) * len(versions)} checked")
    return 1 if mistakes else 0


sys.exit(main(sys.argv[1:]))
