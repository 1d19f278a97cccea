# Whether this server can be a node. Changes nothing.

check_system() {
    [ -r /etc/os-release ] || fail "this is no Linux distribution that the kit knows (no /etc/os-release)" "use Debian 12 or Ubuntu 22.04, or later ones"
    [ -d /run/systemd/system ] || fail "systemd does not run here, and Redis is to run as its unit" "use a distribution with systemd"
    # shellcheck disable=SC1091
    system=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_ID:-}")
    case $system in
    debian* | ubuntu*) ;;
    *) warn "$system: the kit was tried on Debian and Ubuntu only" ;;
    esac
    for tool in ip flock tar sha256sum stat mktemp df; do
        command -v "$tool" >/dev/null || fail "the program $tool is missing" "install it (apt-get install iproute2 util-linux tar coreutils)"
    done
    [ "$(date +%Y)" -ge 2025 ] || fail "the clock says $(date -u '+%F %T')" "set it, and let it be kept: timedatectl set-ntp true"
    if [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null || true)" = no ]; then
        warn "the clock is not kept by NTP: expiry times differ between the nodes as much as their clocks do. timedatectl set-ntp true"
    fi
}

# A server is one node of one cluster, for as long as it has the node's data.
check_owner() {
    [ -f /etc/redis-cluster-kit/node ] || return 0
    there=$(tr '\n' ' ' </etc/redis-cluster-kit/node)
    [ "$there" = "$CLUSTER $NODE " ] || fail "this server is node $(sed -n 2p /etc/redis-cluster-kit/node) of cluster $(sed -n 1p /etc/redis-cluster-kit/node)" \
        "give another server, or take that cluster off this one first (docs/servers.md, Taking a server out)"
}

is_ours() {
    systemctl is-active --quiet "$UNIT" && return 0
    [ -f /etc/redis-cluster-kit/node ]
}

check_foreign() {
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null || true)" = redis-server ] || continue
        # The unit's own; compared by control group, which a process cannot leave.
        grep -q "/$UNIT" "$process/cgroup" 2>/dev/null && continue
        fail "another Redis runs here (process ${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline" | cut -c1-80 | sed 's/ *$//'))" \
            "give a server of its own, or move that Redis away and stop it for good"
    done
    for unit in redis-server.service redis.service; do
        if systemctl is-enabled --quiet "$unit" 2>/dev/null; then
            fail "another Redis starts here at boot ($unit)" "give a server of its own, or: systemctl disable --now $unit"
        fi
    done
    is_ours && return 0
    if [ -s /etc/redis/redis.conf ] && ! head -n 1 /etc/redis/redis.conf | grep -q 'Written by redis-cluster-kit'; then
        fail "/etc/redis/redis.conf is somebody else's" "give a server of its own, or move that file away"
    fi
    # redis.version is the kit's: the disk came from a server that was replaced.
    if [ ! -e "$DATA/redis.version" ] && [ -n "$(find "$DATA" -maxdepth 2 \( -name '*.rdb' -o -name 'appendonly*' -o -name 'nodes*.conf' \) 2>/dev/null | head -n 1)" ]; then
        fail "$DATA holds data of another Redis" "give a server of its own, or move the data away"
    fi
}

check_ports() {
    systemctl is-active --quiet "$UNIT" && return 0
    for port in "$PORT" "$((PORT + 10000))"; do
        hex=$(printf '%04X' "$port")
        if awk -v port="$hex" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == port) found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; then
            holder=$(command -v ss >/dev/null && ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\(.*\)))$/\1/p' | head -n 1 || true)
            fail "port $port is taken${holder:+ by $holder}" "stop that program for good, or set ssh.redisPort"
        fi
    done
}

check_address() {
    [ -n "$ADDRESS" ] || return 0
    own=$(ip -o -4 address show | awk '{ sub("/.*", "", $4); print $4 }' | tr '\n' ' ')
    case " $own" in
    *" $ADDRESS "*) ;;
    *) fail "$ADDRESS is none of its addresses ($own)" "set address of the server to one of them" ;;
    esac
}

# In MiB. A container's limit counts where it is below the machine's memory.
memory_mib() {
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
    if [ "$limit" != max ] && [ "$((limit / 1048576))" -lt "$memory" ]; then
        memory=$((limit / 1048576))
    fi
    printf '%s' "$memory"
}

# A quarter more than maxmemory: what a save copies on write, buffers of replicas and clients, the system.
check_memory() {
    if [ "$MAXMEMORY_MIB" = 0 ]; then
        warn "maxmemory is 0: Redis takes memory until the kernel ends it. Set redis.maxmemory"
        return 0
    fi
    memory=$(memory_mib)
    needed=$((MAXMEMORY_MIB + MAXMEMORY_MIB / 4))
    [ "$memory" -ge "$needed" ] || fail "$memory MiB of memory; maxmemory of $MAXMEMORY_MIB MiB needs $needed MiB (a quarter more, for saves, buffers and the system)" \
        "pulumi config set --path redis.maxmemory $((memory * 3 / 4))mb, or a larger server"
}

# free_mib PATH: of the file system that PATH is or will be on.
free_mib() {
    path=$1
    while [ ! -e "$path" ]; do path=$(dirname "$path"); done
    df -Pm "$path" | awk 'NR == 2 { print $4 }'
}

check_disk() {
    if [ ! -x "$KIT/redis-$VERSION/redis-server" ]; then
        free=$(free_mib "$KIT")
        [ "$free" -ge "$INSTALL_MIB" ] || fail "$free MiB are free for $KIT; Redis $VERSION needs $INSTALL_MIB MiB there" "make room on that file system"
    fi
    [ "$PERSISTENT" = yes ] || return 0
    used=$(du -sm "$DATA" 2>/dev/null | cut -f1 || true)
    free=$(($(free_mib "$DATA") + ${used:-0}))
    needed=$((MAXMEMORY_MIB > 64 ? MAXMEMORY_MIB : 64))
    [ "$free" -ge "$needed" ] || fail "$free MiB are free for $DATA; a full node of $MAXMEMORY_MIB MiB needs $needed MiB at least" \
        "make room on that file system, or lower redis.maxmemory"
    [ "$free" -ge "$((2 * needed))" ] || warn "$free MiB for $DATA: less than twice maxmemory, so rewriting the append-only file of a full node may fill the disk"
}

# Only what apt knows already is asked: nothing is fetched here.
check_package() {
    [ "$MODE" = package ] || return 0
    [ -x "$KIT/redis-$VERSION/redis-server" ] && return 0
    command -v apt-cache >/dev/null || fail "there is no apt here to install packages with" "set ssh.install to source or archive"
    candidate=$(apt-cache policy redis-tools 2>/dev/null | sed -n 's/^ *Candidate: \(.*\)$/\1/p')
    case ${candidate:-(none)} in
    "(none)") ;;
    *:"$VERSION"-* | "$VERSION"-*) ;;
    *) fail "the distribution's package is of Redis $(printf '%s' "$candidate" | sed 's/^[0-9]*://; s/-.*//'), declared is $VERSION" \
        "set redisVersion to the package's, or ssh.install to source or archive" ;;
    esac
}

main() {
    check_system
    check_owner
    check_foreign
    check_ports
    check_address
    check_memory
    check_disk
    check_package
    printf 'ready: %s\n' "$NODE"
}
