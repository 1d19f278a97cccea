main() {
    work=$(mktemp -d)
    trap ended EXIT
    trap 'exit 143' TERM INT HUP
    REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
    export REDISCLI_AUTH
    printf '%s\n' "$NODES" >"$work/nodes"
    # Under this name redis-server is redis-check-rdb.
    ln -s "$(readlink -f "$PROGRAMS/redis-server")" "$work/redis-check-rdb"
    is_our_turn || exit 0
    started=$(date +%s)
    id=$CLUSTER-$(date -u -d "@$started" +%Y%m%dT%H%M%SZ)
    look_until_settled
    hold_lock
    # What was seen before the lock may have changed.
    look_until_settled
    slots_only >"$work/before"
    cp "$work/view.$NODE" "$work/view"
    marker=$(own -c get "$MARKER" | tail -n 1)
    case $marker in
    '') ;;
    '{'*) fail "$CLUSTER holds a restore that has not finished, so a backup of it would not be whole" "run that restore again: it continues" ;;
    *) fail "whether $CLUSTER is being restored cannot be found out: $marker" "redis-cluster-kit doctor tells more" ;;
    esac
    sweep
    make_draft
    shards=0
    while read -r owner address _; do
        shards=$((shards + 1))
        choose_source "$shards" "$owner" "$address"
    done <"$work/owners"
    cp "$work/warnings" "$work/told"
    say "saving on $(cat "$work"/source.* | while read -r _ host port role _; do printf '%s (%s) ' "$(name_of "$host:$port")" "$role"; done)"
    dumps=
    for shard in $(seq "$shards"); do
        read -r _ host port _ <"$work/source.$shard"
        (trap - EXIT; dump "$shard" "$host" "$port") &
        dumps="$dumps $!"
    done
    failed=no
    for dump in $dumps; do wait "$dump" || failed=yes; done
    [ "$failed" = no ] || fail "no backup was taken" "see above"
    look_until_settled
    slots_only | cmp -s - "$work/before" || fail "slots changed hands while the snapshots were taken, so nothing was kept" "start the backup again when they are at rest"
    { apart; namesake; } >>"$work/told"
    cp "$work/told" "$work/warnings"
    write_manifest
    make_visible
    remember
    sed 's/^/warning: /' "$work/warnings"
    say "$id: $keys keys, $bytes bytes in $shards files, in $TO"
    prune
}
