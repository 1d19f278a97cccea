# Snapshots: from which nodes, how they come here, whether they are good.

# Of a shard the replica in sync that has most, once it has what its primary had when it was asked; else the primary.
# $1 number, $2 id and $3 address of the primary. Result in $work/source.$1: "id host port role offset".
choose_source() {
    primary_host=${3%:*} primary_port=${3##*:}
    wanted=$(cli "$primary_host" "$primary_port" info replication | field master_repl_offset)
    [ -n "$wanted" ] || fail "shard $1: its primary $(name_of "$3") does not answer" "redis-cluster-kit doctor tells what to do"
    awk -v primary="$2" 'index($3, "slave") && $3 !~ /fail|noaddr|handshake/ && $4 == primary { sub(/@.*/, "", $2); print $1, $2 }' "$work/view" >"$work/replicas"
    until=$(($(date +%s) + 10))
    while [ -s "$work/replicas" ]; do
        linked=no best=-1 chosen=
        while read -r replica address; do
            info=$(cli "${address%:*}" "${address##*:}" info replication)
            [ "$(printf '%s\n' "$info" | field master_link_status)" = up ] || continue
            linked=yes
            offset=$(printf '%s\n' "$info" | field slave_repl_offset)
            if [ "${offset:-0}" -ge "$wanted" ] && [ "$offset" -gt "$best" ]; then
                best=$offset chosen="$replica ${address%:*} ${address##*:} replica $offset"
            fi
        done <"$work/replicas"
        if [ -n "$chosen" ]; then
            printf '%s\n' "$chosen" >"$work/source.$1"
            return 0
        fi
        [ "$linked" = yes ] && [ "$(date +%s)" -lt "$until" ] || break
        sleep 0.2
    done
    printf '%s %s %s primary %s\n' "$2" "$primary_host" "$primary_port" "$wanted" >"$work/source.$1"
    [ "$REPLICAS" = 0 ] || printf 'shard %s has no replica that keeps up: its primary %s was saved\n' "$1" "$(name_of "$3")" >>"$work/warnings"
}

# The snapshot of shard $1 from $2:$3. Redis saves and sends it as to a replica; a save that began earlier is not taken.
dump() {
    name=$(name_of "$2:$3")
    until=$(($(date +%s) + DUMP_S))
    while :; do
        state=$(cli "$2" "$3" info persistence | grep -E '^(loading|rdb_bgsave_in_progress|aof_rewrite_in_progress):' | tr '\n' ' ')
        case $state in
        '') fail "$name does not answer" "look at redis-cluster-kit status" ;;
        *:1*) ;;
        *) break ;;
        esac
        [ "$(date +%s)" -lt "$until" ] || fail "$name is still busy ($state)" "let its save end, then start the backup again"
        sleep 0.5
    done
    # Files are dated by time(), which may lag a timer tick behind Redis's TIME: not at a second's edge.
    while :; do
        now=$(cli "$2" "$3" time | tr '\n' ' ')
        not_before=${now%% *} micros=${now#* }
        [ "${micros%% *}" -lt 50000 ] 2>/dev/null || break
        sleep 0.05
    done
    [ -n "$not_before" ] || fail "$name does not answer" "look at redis-cluster-kit status"
    timeout "$DUMP_S" "$PROGRAMS/redis-cli" -h "$2" -p "$3" --rdb "$draft/shard-$1.rdb" >"$work/dump.$1" 2>&1 </dev/null ||
        fail "$name's snapshot did not arrive: $(tail -n 1 "$work/dump.$1")" \
            "look for space on $SPOOL ($(df --output=avail -h "$SPOOL" | tail -n 1 | tr -d ' ') are free) and at the log of Redis on $name"
    check "$1" "$name" "$not_before"
    doubts "$1" "$2" "$3" "$name"
}

# What stands against restoring all of shard $1 from $2:$3, named $4: told, and no reason to go without a backup. Keys of
# strange slots are counted on the node: clients write none there, so the count holds for the snapshot.
doubts() {
    awk -v wanted="$1" 'NR == wanted { print $3 }' "$work/owners" | tr ',' '\n' |
        awk -F - '{ for (slot = $1; slot <= ($2 == "" ? $1 : $2); slot++) own[slot] = 1 }
            END { for (slot = 0; slot < 16384; slot++) if (!(slot in own)) print "cluster countkeysinslot " slot }' >"$work/strange.$1"
    strays=$(timeout 60 "$PROGRAMS/redis-cli" -h "$2" -p "$3" <"$work/strange.$1" 2>/dev/null | awk '/^[0-9]+$/ { sum += $1; seen++ } END { if (seen) print sum + 0 }')
    [ -n "$strays" ] || fail "$4 does not answer" "look at redis-cluster-kit status"
    printf '%s\n' "$strays" >"$work/strays.$1"
    [ "$strays" = 0 ] || printf 'shard %s: %s holds %s keys of slots that it does not own: they are in its file and are not restored. pulumi up brings such keys to their owners; then take another backup\n' "$1" "$4" "$strays" >>"$work/told"
    modules=$(cli "$2" "$3" module list | tr -d ' \n')
    case $modules in
    '' | *unknowncommand* | *NOPERM*) ;;
    *)
        printf 'shard %s: %s has modules loaded, and values of modules cannot be restored by the kit\n' "$1" "$4" >>"$work/told"
        : >"$work/doubtful"
        ;;
    esac
}

# Where the moments of the shards are more than a minute apart.
apart() {
    for facts in "$work"/facts.*; do
        read -r saved _ <"$facts"
        printf '%s %s\n' "$saved" "${facts##*.}"
    done | sort -n | awk 'NR == 1 { first = $1; early = $2 } { last = $1; late = $2 } END { if (last - first > 60)
        printf "shard %s was saved %s s after shard %s: its node had to end another save, rewrite or load first, or its clock is wrong. Keys of the two that belong together may not fit; take another backup if that matters\n", late, last - first, early }'
}

# Redis's own judgement, and what the file says of itself: $work/facts.$1.
check() {
    "$work/redis-check-rdb" "$draft/shard-$1.rdb" >"$work/check.$1" 2>&1 || true
    grep -q 'RDB looks OK' "$work/check.$1" || fail "$2's snapshot is damaged: $(tail -n 2 "$work/check.$1" | tr '\n' ' ')" "start the backup again; if it happens again, look at the disk and memory of this server"
    aux() { sed -n "s/.*AUX FIELD $1 = '\(.*\)'$/\1/p" "$work/check.$shard" | head -n 1; }
    count() { sed -n "s/^\[info\] \([0-9]*\) $1$/\1/p" "$work/check.$shard" | head -n 1; }
    shard=$1
    saved=$(aux ctime)
    [ "${saved:-0}" -ge "$3" ] || fail "$2's snapshot is older than this backup" "somebody else was getting one in the same moment: start the backup again"
    read -r _ _ _ role wanted <"$work/source.$1"
    holds=$(aux repl-offset)
    # A primary that never had a replica counts no offset.
    [ "$role$holds" = primary ] || [ "${holds:-0}" -ge "$wanted" ] ||
        fail "$2's snapshot is older than this backup: it ends at replication offset ${holds:-0}, and $2 was at $wanted when it was chosen" \
            "its link to its primary broke, or it was started again: start the backup again when it is in sync (redis-cluster-kit status)"
    sync "$draft/shard-$1.rdb"
    printf '%s %s %s %s %s %s %s %s\n' "$saved" "$(count 'keys read')" "$(count expires)" "$(aux used-mem)" "$holds" "$(aux repl-id)" \
        "$(stat -c %s "$draft/shard-$1.rdb")" "$(sha256sum "$draft/shard-$1.rdb" | cut -d ' ' -f 1)" >"$work/facts.$1"
}
