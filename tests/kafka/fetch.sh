# shellcheck shell=bash disable=SC2154 # variables of kafka.sh
# Sourced by kafka.sh: fetches the broker's artifacts and prepares what makes it start fast.

# What the prepared cache depends on: another pom.xml, Java or place makes it stale.
cache_key() {
    local java
    java=$(readlink -f "$(command -v java)") || return 0
    { cat "$here/pom.xml" "${java%/bin/java}/release" 2>/dev/null; echo "$java $cache"; } | cksum
}

is_ready() { [ -s "$cache/ready" ] && [ "$(cat "$cache/ready")" = "$(cache_key)" ]; }

fetch() {
    ! is_ready || return 0
    "$here/../../scripts/bootstrap.sh" kafka >&2
    exec 9>"$cache/lock"
    flock 9
    if ! is_ready; then
        fetch_artifacts
        prepare_storage
        prepare_class_archive
        cache_key >"$cache/ready"
    fi
    exec 9>&-
}

fetch_artifacts() {
    local try
    say "fetching $(sed -n 's:.*<kafka.version>\(.*\)</.*:Apache Kafka \1:p' "$here/pom.xml") with Maven into $cache"
    rm -rf "$cache/libs" "$cache/classes.jsa" "$cache/ready"
    for try in 1 2 3; do
        if mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$cache/libs.new" -Dmdep.prependGroupId=false >"$cache/maven.log" 2>&1; then
            mv "$cache/libs.new" "$cache/libs"
            return
        fi
        say "Maven failed (try $try of 3)"
        rm -rf "$cache/libs.new"
        sleep $((try * 5))
    done
    tail -20 "$cache/maven.log" >&2
    die "could not fetch the broker: is Maven Central reachable? Or set KAFKA_BROKERS to a running cluster"
}

# `format` writes the same bootstrap.checkpoint for every node: make it once, with the SCRAM users in it.
prepare_storage() {
    local work=$cache/format
    rm -rf "$work" && mkdir -p "$work"
    write_properties "$work/server.properties" 1 1 0 0 "" "1@127.0.0.1:1" "$work/data" ""
    java -cp "$(class_path)" kafka.tools.StorageTool format -t "$(random_uuid)" -c "$work/server.properties" \
        --add-scram "SCRAM-SHA-256=[name=$user,password=$password]" \
        --add-scram "SCRAM-SHA-512=[name=$user,password=$password]" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; die "the storage tool failed"; }
    mv "$work/data/bootstrap.checkpoint" "$cache/bootstrap.checkpoint"
    rm -rf "$work"
}

# Loading 6,000 classes is most of the start: keep them as a class data archive (Java falls back by itself without it).
prepare_class_archive() {
    local dir=$cache/archive
    rm -rf "$dir" && mkdir -p "$dir"
    jvm_opts="$jvm_opts -XX:ArchiveClassesAtExit=$cache/classes.jsa" start_cluster "$dir" 1 "" "" >/dev/null
    stop_nodes "$dir" 60
    delete_cluster "$dir"
    [ -s "$cache/classes.jsa" ] || say "no class data archive with this Java: brokers start in 2 s instead of 1 s"
}
