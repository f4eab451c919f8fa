#!/usr/bin/env bash
# A real Apache Kafka for tests and development, without a container engine. README.md beside this file tells how to use it.
set -euo pipefail
IFS=$'\n' # folder names may hold spaces

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${KAFKA_CACHE:-$here/.cache}"
cache=$(cd "${KAFKA_CACHE:-$here/.cache}" && pwd)
# shellcheck disable=SC2034 # these are read by the sourced files
user=latefusion
# shellcheck disable=SC2034
password=latefusion-secret
# Small and quick to start; for measurements say KAFKA_JVM_OPTS='-Xmx2g -XX:+UseG1GC'.
# shellcheck disable=SC2034
jvm_opts=${KAFKA_JVM_OPTS:--Xms64m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}
# shellcheck disable=SC2034
start_timeout_s=${KAFKA_START_TIMEOUT:-60}

usage() {
    cat <<'TEXT'
usage: kafka.sh fetch                  fetch the broker's artifacts once (Maven) and prepare them
       kafka.sh start [DIR] [options]  start a broker in DIR (default: a new temporary folder); starts what is
                                       not running when DIR holds a cluster already; prints NAME=VALUE lines
       kafka.sh stop DIR [NODE]        stop cleanly; ports and data are kept
       kafka.sh restart DIR [NODE]     stop cleanly and start, on the same ports and data
       kafka.sh kill9 DIR [NODE]       kill -9; `start DIR` brings it back
       kafka.sh pause|resume DIR [NODE]  SIGSTOP and SIGCONT: a broker that hangs
       kafka.sh status DIR             one line per node; exit code 0 when all of them run
       kafka.sh delete DIR             kill -9 and remove DIR
       kafka.sh tool TOOL [ARGS]       a Kafka command-line tool: topics, console-consumer, consumer-groups, transactions
options of start:
       --nodes 3           three nodes, replication factor 3, min.insync.replicas 2
       --secure            also a SASL_SSL listener (PLAIN, SCRAM, OAUTHBEARER) and an SSL listener, with a throwaway CA
       --watch-pid PID     kill the brokers (and remove a temporary DIR) as soon as process PID is gone
       --own               a broker of its own, also when KAFKA_BROKERS is set (for tests that stop or kill it)
       --set NAME=VALUE    one more broker setting; may be repeated
environment:
       KAFKA_BROKERS       use these brokers: start prints them and starts nothing
       KAFKA_CACHE, KAFKA_JVM_OPTS, KAFKA_START_TIMEOUT (seconds), KAFKA_LOG_LEVEL (WARN)
TEXT
}

say() { printf 'kafka.sh: %s\n' "$1" >&2; }
die() { say "$1"; exit 1; }
now_ms() { date +%s%3N; }
class_path() { printf '%s:' "$cache"/libs/*.jar; }
random_uuid() { head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '='; }

# shellcheck source-path=SCRIPTDIR source=fetch.sh
. "$here/fetch.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
. "$here/cluster.sh"

# ---- the commands ----------------------------------------------------------------------------------------------

start() {
    local dir='' nodes=1 secure='' settings='' watched='' node='' own=''
    while [ $# -gt 0 ]; do
        case $1 in
        --nodes) nodes=$2; shift ;;
        --secure) secure=yes ;;
        --own) own=yes ;;
        --watch-pid) watched=$2; shift ;;
        --set) settings+=$2$'\n'; shift ;;
        -*) die "unknown option $1" ;;
        *) if [ -z "$dir" ]; then dir=$1; else node=$1; fi ;;
        esac
        shift
    done
    [[ $nodes = 1 || $nodes = 3 ]] || die "--nodes is 1 or 3"
    if [ -n "${KAFKA_BROKERS:-}" ] && [ -z "$own" ] && [ ! -f "$dir/cluster" ]; then
        say "KAFKA_BROKERS is set: using $KAFKA_BROKERS, starting nothing"
        echo "BOOTSTRAP=$KAFKA_BROKERS"
        return
    fi
    fetch
    if [ -z "$dir" ]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/latefusion-kafka.XXXXXX")
        touch "$dir/temporary"
    fi
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ -z "$watched" ] || watch_pid "$dir" "$watched"
    [ -z "$node" ] || [ -d "$dir/node-$node" ] || die "$dir has no node $node"
    start_cluster "$dir" "$nodes" "$secure" "$settings" "$node"
}

status() {
    local node pid all=0
    for node in $(node_dirs "$1"); do
        pid=$(node_pid "$node")
        [ -n "$pid" ] || all=1
        echo "node ${node##*-}: 127.0.0.1:$(cat "$node/port") $([ -z "$pid" ] && echo stopped || echo "running, pid $pid")"
    done
    return $all
}

tool() {
    local name=$1 class
    shift
    case $name in
    topics) class=org.apache.kafka.tools.TopicCommand ;;
    console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
    *) class=$name ;;
    esac
    fetch
    exec java -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2.xml" -cp "$(class_path)" "$class" "$@"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
stop | restart | kill9 | pause | resume | status | delete)
    [ $# -ge 1 ] || { usage >&2; exit 2; }
    dir=$(cd "$1" 2>/dev/null && pwd) || die "no folder $1"
    [ -f "$dir/cluster" ] || die "$dir holds no cluster of kafka.sh"
    [ -z "${2:-}" ] || [ -d "$dir/node-$2" ] || die "$dir has no node $2"
    ;;
esac
case $command in
fetch) if [ -n "${KAFKA_BROKERS:-}" ]; then say "KAFKA_BROKERS is set: fetching nothing"; else fetch; fi ;;
start) start "$@" ;;
stop) stop_nodes "$dir" 20 "${2:-}" ;;
restart) stop_nodes "$dir" 20 "${2:-}"; start "$dir" ${2:+"$2"} ;;
kill9) kill_nodes "$dir" "${2:-}" ;;
pause) signal_nodes STOP "$dir" "${2:-}" ;;
resume) signal_nodes CONT "$dir" "${2:-}" ;;
status) status "$dir" ;;
delete) delete_cluster "$dir" ;;
tool) tool "$@" ;;
__watch) watch_loop "$@" ;;
help | -h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
