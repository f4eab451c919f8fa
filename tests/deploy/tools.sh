#!/usr/bin/env bash
# Fetches what the checks of the deployment files need and no build does: `tools.sh python|node|strimzi DIR`, once for each set of pins.
# Exit code 1, with the reason on standard error, where it cannot be had; the checks then say loudly that they are left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
part=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)/$part

need() { command -v "$1" >/dev/null 2>&1 || { echo "$1 is missing ($2)" >&2; exit 1; }; }

fetch_python() {
    need python3 'Debian: python3-venv'
    python3 -m venv "$dir" || { echo 'python3 cannot make environments (Debian: python3-venv)' >&2; return 1; }
    "$dir/bin/pip" install -q --disable-pip-version-check --retries 3 -r "$here/requirements.txt"
}

fetch_node() {
    need npm 'Debian: npm'
    mkdir -p "$dir"
    # Programs stand beside their modules: that is where Node looks for these.
    cp "$here/package.json" "$here/package-lock.json" "$here"/*.mjs "$dir"
    (cd "$dir" && npm ci --silent --ignore-scripts --no-audit --no-fund)
}

fetch_strimzi() {
    need mvn 'Debian: maven'
    need java 'Debian: default-jre-headless, Java 17 or newer'
    local model=io.strimzi.api.kafka.model
    mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/libs" >&2
    java -cp "$dir/libs/*" io.strimzi.crdgenerator.CrdGenerator --yaml "$model.topic.KafkaTopic=$dir/KafkaTopic.yaml" \
        "$model.user.KafkaUser=$dir/KafkaUser.yaml" 2>"$dir/log" || { cat "$dir/log" >&2; return 1; }
    rm -rf "$dir/libs"
}

case $part in
python) pins=(requirements.txt) ;;
node) pins=(package.json package-lock.json asyncapi.mjs resources.mjs) ;;
strimzi) pins=(pom.xml) ;;
*) echo 'usage: tools.sh python|node|strimzi DIR' >&2; exit 2 ;;
esac
stamp=$(cd "$here" && { cat tools.sh "${pins[@]}"; echo "$dir"; } | cksum)
need flock 'Debian: util-linux'
exec 9>"$dir.lock"
flock 9
[ "$(cat "$dir/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -rf "$dir"
if [ "$part" = strimzi ]; then "$here/../../scripts/bootstrap.sh" kafka >&2; else "$here/../../scripts/bootstrap.sh" deploy >&2; fi
"fetch_$part"
echo "$stamp" >"$dir/.stamp"
