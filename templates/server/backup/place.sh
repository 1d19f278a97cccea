# Where backups go, what of them stays, and what monitoring reads.

random_id() {
    od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' | sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12})/\1-\2-\3-\4-\5/'
}

# What a killed run left, ten minutes old at least: the lock says that nobody is at it.
sweep() {
    find "$SPOOL" -mindepth 1 -maxdepth 1 -type d \( -name ".taking-$CLUSTER-????????T??????Z.*" -o -name ".removing-$CLUSTER-????????T??????Z.*" \) -mmin +10 -prune -print -exec rm -rf {} + |
        sed 's/^/deleted what a killed backup left: /'
}

make_draft() {
    draft=$SPOOL/.taking-$id.$(random_id)
    mkdir "$draft" 2>"$work/errors" || {
        draft=
        fail "$(tail -n 1 "$work/errors")" "give the user redis-backup the right to write to $SPOOL, free some space there, or set another backup.to"
    }
}

# The name comes last. In S3 there is no renaming: what has no manifest is no backup.
make_visible() {
    case $TO in
    s3://*)
        for file in "$draft"/shard-*.rdb "$draft/manifest.json"; do
            # shellcheck disable=SC2086 # options
            aws s3 cp $S3_OPTIONS --only-show-errors "$file" "${TO%/}/$id/${file##*/}" >"$work/errors" 2>&1 ||
                fail "$TO: $(tail -n 1 "$work/errors")" "see that the bucket exists and that this server may write to it (s3:PutObject, s3:AbortMultipartUpload)"
        done
        rm -rf "$draft"
        ;;
    *)
        mv -T "$draft" "$TO/$id"
        sync "$TO"
        ;;
    esac
    draft=
}

# Backups of the cluster's name in the folder, newest first.
by_name() {
    find "$TO" -mindepth 1 -maxdepth 1 -type d -name "$CLUSTER-????????T??????Z" -printf '%f\n' |
        grep -E -- '-[0-9]{8}T[0-9]{6}Z$' | sort -r
}

# Ids of the nodes of backup $1. Clusters of one name share none.
ids_of() {
    grep -oE '"nodeId": ?"[0-9a-f]{40}|[n"][0-9a-f]{40} ' "$TO/$1/manifest.json" 2>/dev/null | grep -oE '[0-9a-f]{40}' || true
}

# Of these those of this very cluster: they share a node with it, or with a newer one that does.
own_backups() {
    cut -c 1-40 "$work/view" >"$work/ids"
    by_name | while read -r old; do
        ids_of "$old" >"$work/theirs"
        grep -qxFf "$work/ids" "$work/theirs" || continue
        cat "$work/theirs" >>"$work/ids"
        printf '%s\n' "$old"
    done
}

namesake() {
    case $TO in s3://*) return 0 ;; esac
    newest=$(by_name | head -n 1)
    [ -n "$newest" ] || return 0
    cut -c 1-40 "$work/view" >"$work/ids"
    ids_of "$newest" | grep -qxFf "$work/ids" ||
        printf "the newest backup of the name %s in %s is of other nodes than this cluster's: %s. If that cluster still lives, give one of them another name or place\n" "$CLUSTER" "$TO" "$newest"
}

# Newest of each of the last days, ISO weeks and months that have one; the new one always. Others go. Where something stands
# against restoring the new one, an older one may be the last good one: then all stay.
prune() {
    case $TO in s3://*) return 0 ;; esac
    if [ -f "$work/doubtful" ]; then
        say "nothing was removed: see the warnings of $id"
        return 0
    fi
    printf '%s\n' "$id" >"$work/kept"
    own_backups >"$work/all"
    keep "$DAILY" %F
    keep "$WEEKLY" %G-W%V
    keep "$MONTHLY" %Y-%m
    while read -r old; do
        if grep -qxF "$old" "$work/kept" || [ ! -f "$TO/$old/manifest.json" ]; then continue; fi
        gone=$TO/.removing-$old.$(random_id)
        mv -T "$TO/$old" "$gone"
        rm -rf "$gone"
        say "removed $old, which the retention does not keep"
    done <"$work/all"
}

# keep LIMIT FORMAT
keep() {
    seen= kept=0
    while read -r old; do
        stamp=${old##*-}
        period=$(date -u -d "$(printf '%s' "$stamp" | cut -c 1-8)" "+$2")
        case " $seen " in *" $period "*) continue ;; esac
        [ "$kept" -lt "$1" ] || return 0
        seen="$seen $period" kept=$((kept + 1))
        printf '%s\n' "$old" >>"$work/kept"
    done <"$work/all"
}

# metric NAME HELP VALUE
metric() {
    printf '# HELP redis_cluster_kit_backup_%s %s\n# TYPE redis_cluster_kit_backup_%s gauge\nredis_cluster_kit_backup_%s{cluster="%s"} %s\n' "$1" "$2" "$1" "$1" "$CLUSTER" "$3"
}

# Readable by everybody: it holds no secret.
publish() {
    cat "$STATE"/*.metrics >"$work/prom"
    put_state "$work/prom" "redis-cluster-kit-backup-$CLUSTER.prom"
}

put_state() {
    cp "$1" "$STATE/.new"
    chmod 644 "$STATE/.new"
    mv -f "$STATE/.new" "$STATE/$2"
}

remember() {
    {
        metric last_success_timestamp_seconds "When the last good backup was begun, Unix time." "$started"
        metric last_success_size_bytes "Size of the last good backup." "$bytes"
        metric last_success_keys "Keys in the last good backup." "$keys"
        metric last_success_duration_seconds "How long the last good backup took." "$(($(date +%s) - started))"
    } >"$STATE/success.metrics"
    publish
    printf '{"id":"%s","place":"%s","node":"%s","startedAt":"%s","keys":%s,"bytes":%s}\n' "$id" "$TO" "$NODE" "$(iso "$started")" "$keys" "$bytes" >"$work/last"
    put_state "$work/last" last.json
}
