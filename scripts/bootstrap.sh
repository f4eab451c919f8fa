#!/usr/bin/env bash
# Installs what a fresh Debian or Ubuntu machine lacks: `bootstrap.sh [build] [kafka] [browser] [deploy] [watch] [gate]`, the first two by default. Only what is
# missing, one line for each thing; says what it needs and exits 1 where it may not install.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
need() { missing+=("$1:$2"); } # PACKAGE WHY
has() { command -v "$1" >/dev/null 2>&1; }
has_library() { printf '#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1; }

# librdkafka is C, compiled with the crate and linked against the system's OpenSSL and zlib.
look_for_build() {
    if has cc && has c++ && has make; then
        has_library openssl/ssl.h || need libssl-dev 'TLS for the Kafka client'
        has_library zlib.h || need zlib1g-dev 'compression for the Kafka client'
    else
        need build-essential 'C and C++ compiler'
        need libssl-dev 'TLS for the Kafka client'
        need zlib1g-dev 'compression for the Kafka client'
    fi
    has pkg-config || need pkg-config 'finds the libraries of the Kafka client'
}

java_major() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'; }

look_for_kafka() {
    { has java && [ "$(java_major)" -ge 17 ] 2>/dev/null; } || need default-jre-headless 'runs the Kafka broker of the tests (Java 17 or newer)'
    has mvn || need maven 'fetches the Kafka broker of the tests'
    has openssl || need openssl 'certificates for the TLS tests'
    has flock || need util-linux 'locks'
}

look_for_browser() {
    has chromium || has chromium-browser || has google-chrome || need chromium 'looks at the page /ui in the tests'
}

# tests/deploy/tools.sh asks for these.
look_for_deploy() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || need python3-venv 'environments for the checks of the deployment files'
    has node || need nodejs 'runs the AsyncAPI parser and checks custom resources'
    has npm || need npm 'fetches them'
}

# promtool and prometheus; the package also starts a service of its own, which the tests do not use.
look_for_watch() {
    { has promtool && has prometheus; } || need prometheus 'checks rules, dashboards and metrics'
}

look_for_gate() {
    has valgrind || need valgrind 'counts the instructions of the engine'
}

install_missing() {
    local entry packages=()
    [ ${#missing[@]} -gt 0 ] || return 0
    for entry in "${missing[@]}"; do
        echo "bootstrap: ${entry%%:*} is missing (${entry#*:})"
        packages+=("${entry%%:*}")
    done
    if ! has apt-get; then
        echo "bootstrap: no apt-get here: install these with your package manager: ${packages[*]}" >&2
        exit 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if has sudo && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            echo "bootstrap: not root: run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}" >&2
            exit 1
        fi
    fi
    apt() {
        ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" \
            >"$log" 2>&1 </dev/null || { tail -20 "$log" >&2; rm -f "$log"; echo "bootstrap: apt-get $1 failed" >&2; exit 1; }
    }
    local log
    log=$(mktemp)
    apt update
    for entry in "${packages[@]}"; do
        apt install --no-install-recommends "$entry"
        echo "bootstrap: installed $entry"
    done
    rm -f "$log"
}

# The oldest toolchain is Cargo.toml's rust-version. It is not pinned by a rust-toolchain.toml: a pin makes rustup
# download that toolchain wherever exactly it is not installed, also where a newer one would do.
check_rust() {
    local wanted found tool
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! has cargo; then
        echo "bootstrap: no Rust toolchain: install Rust $wanted or newer from https://rustup.rs" >&2
        exit 1
    fi
    found=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "bootstrap: Rust $found is too old: $wanted or newer is needed (rustup update)" >&2
        exit 1
    fi
    for tool in rustfmt clippy; do
        cargo "${tool/rust/}" --version >/dev/null 2>&1 ||
            echo "bootstrap: cargo ${tool/rust/} is missing, \`make check\` needs it: rustup component add $tool" >&2
    done
}

[ $# -gt 0 ] || set -- build kafka
for part in "$@"; do
    case $part in
    build) check_rust; look_for_build ;;
    kafka) look_for_kafka ;;
    browser) look_for_browser ;;
    deploy) look_for_deploy ;;
    watch) look_for_watch ;;
    gate) look_for_gate ;;
    *) echo "usage: bootstrap.sh [build] [kafka] [browser] [deploy] [watch] [gate]" >&2; exit 2 ;;
    esac
done
install_missing
