# How the cluster is, whose turn it is, and the lock.

# cli HOST PORT COMMAND...; the password is in the environment.
cli() {
    host=$1 port=$2
    shift 2
    timeout 30 "$PROGRAMS/redis-cli" -h "$host" -p "$port" "$@" 2>/dev/null </dev/null | tr -d '\r'
}

# A command to this server's node.
own() {
    while read -r name host port; do
        [ "$name" != "$NODE" ] || break
    done <"$work/nodes"
    cli "$host" "$port" "$@"
}

# field NAME: of INFO on stdin.
field() {
    sed -n "s/^$1://p"
}

# Of CLUSTER NODES on stdin: "id address slots", one line a primary with slots, by first slot.
owners_in() {
    awk 'index($3, "master") && NF > 8 {
        slots = $9
        for (i = 10; i <= NF; i++) slots = slots "," $i
        sub(/@.*/, "", $2)
        print $1, $2, slots
    }' | sort -t ' ' -k 3n
}

# Every node that answers must see the same owners, all slots must have one, and none may be on the move.
look() {
    : >"$work/warnings"
    rm -f "$work/owners"
    while read -r name host port; do
        view=$(cli "$host" "$port" cluster nodes) || view=
        case $view in
        *myself*) ;;
        *)
            printf '%s does not answer\n' "$name" >>"$work/warnings"
            rm -f "$work/view.$name"
            continue
            ;;
        esac
        printf '%s\n' "$view" >"$work/view.$name"
        case $view in *' ['*)
            why="slots move: $name has open slots"
            return 1
            ;;
        esac
        owners_in <"$work/view.$name" >"$work/found"
        [ -f "$work/owners" ] || cp "$work/found" "$work/owners"
        if ! cmp -s "$work/found" "$work/owners"; then
            why="$name sees other owners of slots than the others do"
            return 1
        fi
    done <"$work/nodes"
    [ -f "$work/owners" ] || fail "no node answers" "look at status: redis-cluster-kit status"
    while read -r _ address _; do
        why="$(name_of "$address") owns slots and does not answer"
        [ -f "$work/view.$(name_of "$address")" ] || return 1
    done <"$work/owners"
    covered=$(cut -d ' ' -f 3 "$work/owners" | tr ',' '\n' | awk -F - '{ sum += ($2 == "" ? $1 : $2) - $1 + 1 } END { print sum + 0 }')
    why="nobody serves $((16384 - covered)) of the slots"
    [ "$covered" = 16384 ] || return 1
    why="$NODE says that the cluster is down"
    [ "$(own cluster info | field cluster_state)" = ok ]
}

# A failover or a move of slots is soon over.
look_until_settled() {
    n=0
    until look; do
        n=$((n + 1))
        [ "$n" -lt "$SETTLE_TRIES" ] || fail "$why" "wait until it is over; redis-cluster-kit doctor tells more"
        sleep 2
    done
}

slots_only() {
    cut -d ' ' -f 3 "$work/owners"
}

# As every run of the kit does: a client name on every node, which dies with this process. The older client keeps it.
hold_lock() {
    lock=${LOCK_PREFIX}backup-timer@$NODE:$id
    while read -r name host port; do
        [ -f "$work/view.$name" ] || continue
        { printf 'CLIENT SETNAME %s\n' "$lock"; exec tail -f /dev/null --pid=$$; } |
            "$PROGRAMS/redis-cli" -h "$host" -p "$port" >/dev/null 2>&1 &
        holders="$holders $!"
    done <"$work/nodes"
    while read -r name host port; do
        [ -f "$work/view.$name" ] || continue
        n=0
        until cli "$host" "$port" client list | sed -n "s/^id=\([0-9]*\) .* name=\($LOCK_PREFIX[^ ]*\) .*/\1 \2/p" | sort -n >"$work/lock" && grep -qF " $lock" "$work/lock"; do
            n=$((n + 1))
            [ "$n" -lt 50 ] || fail "the lock cannot be set on $name" "look at journalctl -u redis-cluster-kit.service there"
            sleep 0.2
        done
        read -r _ first <"$work/lock"
        [ "$first" = "$lock" ] || fail "another run of the kit is at work on the cluster: ${first#"$LOCK_PREFIX"}" \
            "wait until it has ended; the next backup follows by the schedule, or systemctl start redis-cluster-kit-backup.service"
    done <"$work/nodes"
}

# The first declared server whose Redis is alive takes the backups; the others see that and leave it to it. One that loads
# its data is alive: it was started again, and is waited for.
is_our_turn() {
    while read -r name host port; do
        said=$(cli "$host" "$port" ping)
        case $name:$said in
        "$NODE":PONG) return 0 ;;
        "$NODE":*LOADING*)
            wait_until_loaded
            return 0
            ;;
        "$NODE":*NOAUTH* | "$NODE":*WRONGPASS* | "$NODE":*NOPERM*)
            fail "Redis does not take the password of backups" "pulumi up: it writes the password anew" ;;
        "$NODE":*)
            say "no backup from here: Redis does not serve on this server"
            return 1
            ;;
        *:PONG | *:*LOADING*)
            say "no backup from here: $name takes it as long as its Redis serves"
            return 1
            ;;
        esac
    done <"$work/nodes"
    say "no backup from here: this server is no node of $CLUSTER any more"
    return 1
}

wait_until_loaded() {
    until=$(($(date +%s) + DUMP_S))
    until [ "$(own ping)" = PONG ]; do
        [ "$(date +%s)" -lt "$until" ] || fail "Redis still loads its data" "let it end, then systemctl start redis-cluster-kit-backup.service"
        sleep 2
    done
}

# By address; the address itself where it is of no declared node.
name_of() {
    awk -v address="$1" '$2 ":" $3 == address { print $1; found = 1 } END { if (!found) print address }' "$work/nodes"
}
