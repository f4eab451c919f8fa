# shellcheck shell=bash disable=SC2154 # variables of kafka.sh
# Sourced by kafka.sh: nodes and clusters of nodes in a folder, and the watcher that ends them.

# write_properties FILE NODE NODES PORT CONTROLLER_PORT SECURE_LISTENERS VOTERS DATA TLS
write_properties() {
    local replicas=$3 min_isr=$(($3 > 1 ? 2 : 1)) sources=("$here/server.properties")
    [ -z "$9" ] || sources+=("$here/secure.properties")
    sed -e "s|@NODE@|$2|g; s|@REPLICAS@|$replicas|g; s|@MIN_ISR@|$min_isr|g; s|@PORT@|$4|g; s|@CONTROLLER_PORT@|$5|g" \
        -e "s|@SECURE_LISTENERS@|$6|g; s|@VOTERS@|$7|g; s|@DATA@|$8|g; s|@TLS@|$9|g" \
        -e "s|@USER@|$user|g; s|@PASSWORD@|$password|g" "${sources[@]}" >"$1"
}

node_dirs() { # DIR [NODE]
    if [ -n "${2:-}" ]; then echo "$1/node-$2"; else printf '%s\n' "$1"/node-*; fi
}

# The pid of a node's live broker, or nothing. A recycled pid is not taken for the broker.
node_pid() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    if { tr "\0" "\n" <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qxF "$1/server.properties"; then echo "$pid"; fi
}

signal_nodes() { # SIGNAL DIR [NODE]
    local node pid
    for node in $(node_dirs "$2" "${3:-}"); do
        pid=$(node_pid "$node")
        [ -z "$pid" ] || kill "-$1" "$pid" 2>/dev/null || true
    done
}

wait_gone() { # SECONDS DIR [NODE]: non-zero when one still runs
    local node deadline=$(($(now_ms) + $1 * 1000))
    for node in $(node_dirs "$2" "${3:-}"); do
        while [ -n "$(node_pid "$node")" ]; do
            [ "$(now_ms)" -lt "$deadline" ] || return 1
            sleep 0.05
        done
    done
}

stop_nodes() { # DIR SECONDS [NODE]
    signal_nodes CONT "$1" "${3:-}"
    signal_nodes TERM "$1" "${3:-}"
    wait_gone "$2" "$1" "${3:-}" || { say "no clean stop within $2 s, kill -9"; kill_nodes "$1" "${3:-}"; }
}

kill_nodes() { # DIR [NODE]
    signal_nodes KILL "$1" "${2:-}"
    wait_gone 10 "$1" "${2:-}" || die "a broker in $1 survived kill -9"
}

launch_nodes() { # DIR [NODE]: those that do not run
    local node options
    IFS=' ' read -ra options <<<"$jvm_opts"
    [ ! -s "$cache/classes.jsa" ] || options+=("-XX:SharedArchiveFile=$cache/classes.jsa")
    for node in $(node_dirs "$1" "${2:-}"); do
        [ -z "$(node_pid "$node")" ] || continue
        setsid java "${options[@]}" -XX:+ExitOnOutOfMemoryError -Xlog:disable -Xlog:all=error:stderr \
            -Dbroker.log.level="${KAFKA_LOG_LEVEL:-WARN}" -Dlog4j2.configurationFile="$here/log4j2.xml" \
            -cp "$(class_path)" kafka.Kafka "$node/server.properties" </dev/null >>"$node/broker.log" 2>&1 9>&- &
        echo $! >"$node/pid"
        # Until Java has taken the process over it is not known as the broker.
        while [ -z "$(node_pid "$node")" ] && kill -0 $! 2>/dev/null; do sleep 0.01; done
    done
}

# ---- is it there? ----------------------------------------------------------------------------------------------

# ask PORT BYTES REQUEST_HEX: sends one Kafka request, prints the first BYTES bytes of the answer as hex.
ask() {
    local request=$3 frame
    frame=$(printf '%08x' $((${#request} / 2)))$request
    # shellcheck disable=SC2001,SC2016 # bash before 5.2 knows no & in a replacement; the inner bash expands
    timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "$1" >&3 && head -c "$2" <&3' \
        "$1" "$(sed 's/../\\x&/g' <<<"$frame")" "$2" 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
}

# Metadata v1 for no topic: how many live brokers the one at PORT knows (empty when it does not answer).
brokers_known() { local answer; answer=$(ask "$1" 12 0003000100000001ffff00000000); echo "${answer:16:8}"; }

# FindCoordinator v1, type 0 (group) or 1 (transaction): makes the broker create its internal topic; 0000 = there.
coordinator_error() { local answer; answer=$(ask "$1" 14 "000a000100000001ffff000178$2"); echo "${answer:24:4}"; }

# Waits until every running node sees all running nodes and finds both coordinators.
wait_ready() { # DIR
    local node port running deadline=$(($(now_ms) + start_timeout_s * 1000)) waiting=yes
    while [ -n "$waiting" ]; do
        waiting='' running=0
        for node in $(node_dirs "$1"); do [ -z "$(node_pid "$node")" ] || running=$((running + 1)); done
        [ "$running" -gt 0 ] || start_failed "$1" "the broker stopped while starting"
        for node in $(node_dirs "$1"); do
            [ -n "$(node_pid "$node")" ] || continue
            port=$(cat "$node/port")
            [ "$(brokers_known "$port")" = "$(printf '%08x' "$running")" ] &&
                [ "$(coordinator_error "$port" 00)" = 0000 ] && [ "$(coordinator_error "$port" 01)" = 0000 ] || waiting=yes
        done
        [ "$(now_ms)" -lt "$deadline" ] || start_failed "$1" "no answer within $start_timeout_s s"
        [ -z "$waiting" ] || sleep 0.05
    done
}

start_failed() {
    tail -n 15 "$1"/node-*/broker.log >&2
    kill_nodes "$1"
    die "$2 (logs: $1/node-*/broker.log)"
}

# ---- a cluster -------------------------------------------------------------------------------------------------

# Prints COUNT free ports. They lie below the ephemeral range, so that no client's own connection takes the port of a
# broker that is down, and stay reserved as long as DIR exists.
reserve_ports() { # DIR COUNT
    local reservations=${TMPDIR:-/tmp}/latefusion-kafka-ports-$UID port found=0
    mkdir -p "$reservations"
    exec 8>"$reservations/lock"
    flock 8
    for port in "$reservations"/[0-9]*; do [ -d "$(cat "$port" 2>/dev/null)" ] || rm -f "$port"; done
    while [ "$found" -lt "$2" ]; do
        port=$((20000 + RANDOM % 12000))
        [ ! -e "$reservations/$port" ] || continue
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
        echo "$1" >"$reservations/$port"
        echo "$port"
        found=$((found + 1))
    done
    exec 8>&-
}

create_cluster() { # DIR NODES SECURE SETTINGS
    local dir=$1 nodes=$2 secure=$3 settings=$4 cluster_id ports voters='' node listeners tls=''
    cluster_id=$(random_uuid)
    mapfile -t ports < <(reserve_ports "$dir" $((nodes * 4)))
    if [ -n "$secure" ]; then tls=$dir/tls; make_certificates "$tls"; fi
    for ((node = 1; node <= nodes; node++)); do voters+=${voters:+,}$node@127.0.0.1:${ports[node * 4 - 3]}; done
    for ((node = 1; node <= nodes; node++)); do
        local at=$dir/node-$node p=("${ports[@]:node * 4 - 4:4}")
        mkdir -p "$at/data"
        listeners=${secure:+,SASL_SSL://127.0.0.1:${p[2]},SSL://127.0.0.1:${p[3]}}
        write_properties "$at/server.properties" "$node" "$nodes" "${p[0]}" "${p[1]}" "$listeners" "$voters" "$at/data" "$tls"
        printf '%s' "$settings" >>"$at/server.properties"
        cp "$cache/bootstrap.checkpoint" "$at/data/"
        printf 'version=1\nnode.id=%s\ncluster.id=%s\ndirectory.id=%s\n' "$node" "$cluster_id" "$(random_uuid)" >"$at/data/meta.properties"
        echo "${p[0]}" >"$at/port"
        echo "${p[2]}" >"$at/sasl-port"
        echo "${p[3]}" >"$at/tls-port"
    done
    echo "$cluster_id" >"$dir/cluster"
}

# A throwaway CA, a broker and a client certificate for 127.0.0.1, and a CA that signed nothing.
make_certificates() {
    mkdir -p "$1"
    (
        cd "$1" || exit 1
        make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }
        for ca in ca other-ca; do
            make_key $ca
            openssl req -x509 -new -key $ca.key -subj "/CN=latefusion test $ca" -days 30 -out $ca.pem
        done
        for name in broker client; do
            make_key $name
            openssl req -new -key $name.key -subj "/CN=$name" -out $name.csr
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 30 \
                -extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out $name.crt 2>/dev/null
        done
        cat broker.key broker.crt >broker.pem
        chmod 600 ./*.key broker.pem
    )
}

start_cluster() { # DIR NODES SECURE SETTINGS [NODE]
    local started
    started=$(now_ms)
    [ -f "$1/cluster" ] || create_cluster "$1" "$2" "$3" "$4"
    launch_nodes "$1" "${5:-}"
    wait_ready "$1"
    say "ready after $(($(now_ms) - started)) ms: $1"
    describe "$1" | tee "$1/env"
}

addresses() { local port list=''; for port in "$1"/node-*/"$2"; do list+=${list:+,}127.0.0.1:$(cat "$port"); done; echo "$list"; }

describe() { # the NAME=VALUE lines of a cluster
    local node
    echo "BOOTSTRAP=$(addresses "$1" port)"
    echo "DIR=$1"
    for node in $(node_dirs "$1"); do echo "PID_${node##*-}=$(node_pid "$node")"; done
    [ -d "$1/tls" ] || return 0
    echo "SASL_BOOTSTRAP=$(addresses "$1" sasl-port)"
    echo "SASL_USER=$user"
    echo "SASL_PASSWORD=$password"
    echo "TLS_BOOTSTRAP=$(addresses "$1" tls-port)"
    echo "TLS_CA=$1/tls/ca.pem"
    echo "TLS_OTHER_CA=$1/tls/other-ca.pem"
    echo "TLS_CERTIFICATE=$1/tls/client.crt"
    echo "TLS_KEY=$1/tls/client.key"
}

delete_cluster() {
    kill_nodes "$1"
    rm -rf "$1"
}

# ---- a broker never outlives its test --------------------------------------------------------------------------

# A process by pid and start time, so that a recycled pid is another process.
process_identity() { local fields; fields=$(sed "s/.*) //" "/proc/$1/stat" 2>/dev/null) && echo "$1 $(cut -d' ' -f20 <<<"$fields")"; }

watch_pid() { # DIR PID
    local identity
    identity=$(process_identity "$2") || die "--watch-pid: no process $2"
    echo "$identity" >"$1/watched"
    setsid "$here/kafka.sh" __watch "$1" "$identity" </dev/null >/dev/null 2>&1 &
}

# Also finds brokers whose folder, and so whose pid file, is gone.
kill_by_folder() { # DIR
    local file
    grep -lzF -- "$1/node-" /proc/[0-9]*/cmdline 2>/dev/null | while read -r file; do
        if grep -qzxF kafka.Kafka "$file" 2>/dev/null; then
            file=${file#/proc/}
            kill -9 "${file%/cmdline}" 2>/dev/null || true
        fi
    done
}

watch_loop() { # DIR IDENTITY; ends by itself when DIR is gone or another process is watched
    while [ "$(cat "$1/watched" 2>/dev/null)" = "$2" ]; do
        if [ "$(process_identity "${2%% *}")" != "$2" ]; then
            kill_by_folder "$1"
            [ ! -f "$1/temporary" ] || rm -rf "$1"
            return
        fi
        sleep 0.3
    done
    [ -d "$1" ] || kill_by_folder "$1"
}
