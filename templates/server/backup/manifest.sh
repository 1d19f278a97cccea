# The manifest, as backup/manifest.ts reads it.

# stdin as the inside of a JSON string, all ASCII.
json_text() {
    tr -cd '\11\12\40-\176' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}

iso() {
    date -u -d "@$1" +%Y-%m-%dT%H:%M:%S.000Z
}

# "0-5460,5462" as the manifest has ranges.
ranges() {
    printf '%s' "$1" | tr ',' '\n' | awk -F - '{ printf "%s{\"start\":%s,\"end\":%s}", (NR > 1 ? "," : ""), $1, ($2 == "" ? $1 : $2) }'
}

shards_json() {
    n=0
    while read -r _ _ slots; do
        n=$((n + 1))
        read -r source_id host port role offset <"$work/source.$n"
        read -r saved keys expires memory repl_offset repl_id bytes sha <"$work/facts.$n"
        read -r strays <"$work/strays.$n"
        keys=$((keys - strays))
        [ "$expires" -le "$keys" ] || expires=$keys
        [ "$n" = 1 ] || printf ','
        printf '{"shard":%s,"node":"%s","nodeId":"%s","address":"%s:%s","role":"%s","slots":[%s],' "$n" "$(name_of "$host:$port")" "$source_id" "$host" "$port" "$role" "$(ranges "$slots")"
        printf '"replicationOffset":%s,"replicationId":"%s","savedAt":"%s","keys":%s,"expiring":%s,' "${repl_offset:-$offset}" "$repl_id" "$(iso "$saved")" "$keys" "$expires"
        [ "$strays" = 0 ] || printf '"strays":%s,' "$strays"
        printf '"usedMemoryBytes":%s,"file":"shard-%s.rdb","bytes":%s,"sha256":"%s"}' "$memory" "$n" "$bytes" "$sha"
    done <"$work/owners"
}

# Of this server redis.conf, too; those of the others differ in their addresses.
nodes_json() {
    comma=
    while read -r name _ _; do
        printf '%s{"name":"%s","nodesConf":"%s"' "$comma" "$name" "$(if [ -f "$work/view.$name" ]; then json_text <"$work/view.$name"; fi)"
        if [ "$name" = "$NODE" ] && [ -r "$REDIS_CONF" ]; then
            printf ',"redisConf":"%s"' "$(without_secrets <"$REDIS_CONF" | json_text)"
        fi
        printf '}'
        comma=,
    done <"$work/nodes"
}

without_secrets() {
    sed -E 's/^[[:space:]]*(requirepass|masterauth|masteruser|primaryauth|user|rename-command|tls-[^[:space:]]*-pass)([[:space:]].*)?$/# \1: not kept in backups/I' |
        awk 'BEGIN { secret = ENVIRON["REDISCLI_AUTH"] } { while (secret != "" && (at = index($0, secret))) $0 = substr($0, 1, at - 1) "(not shown)" substr($0, at + length(secret)); print }'
}

# The newest that a node of the cluster runs.
newest_version() {
    while read -r _ host port; do
        cli "$host" "$port" info server | field redis_version || true
    done <"$work/nodes" | sort -t . -k 1,1n -k 2,2n -k 3,3n | tail -n 1
}

# Its own checksum comes first: of the rest, without spaces.
write_manifest() {
    keys=0 bytes=0
    for facts in "$work"/facts.*; do
        read -r _ more _ _ _ _ size _ <"$facts"
        read -r strays <"$work/strays.${facts##*.}"
        keys=$((keys + more - strays)) bytes=$((bytes + size))
    done
    warnings=$(json_text <"$work/warnings" | sed -e 's/\\n/","/g' -e 's/^\(..*\)$/"\1"/')
    body=$(printf '"format":1,"id":"%s","cluster":"%s","kitVersion":"%s","redisVersion":"%s","startedAt":"%s","finishedAt":"%s","keys":%s,"bytes":%s,"shards":[%s],"nodes":[%s],"warnings":[%s]}' \
        "$id" "$CLUSTER" "$KIT_VERSION" "$(newest_version)" "$(iso "$started")" "$(iso "$(date +%s)")" "$keys" "$bytes" "$(shards_json)" "$(nodes_json)" "$warnings")
    printf '{"sha256":"%s",%s\n' "$(printf '{%s' "$body" | sha256sum | cut -d ' ' -f 1)" "$body" >"$draft/manifest.json"
    sync "$draft/manifest.json" "$draft"
}
