# User, folders, kernel, units. Everything but redis.conf and the process itself: these are the engine's.

make_user() {
    getent passwd redis >/dev/null && return 0
    useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin redis
    changed "user redis"
}

make_folders() {
    folder "$DATA" 750 redis:redis
    folder /etc/redis 750 root:redis
    folder /etc/redis-cluster-kit 755 root:root
    put /etc/redis-cluster-kit/node 644 root:root "$CLUSTER
$NODE"
}

# A data volume of the cloud may have grown since the last boot: its file system follows, mounted and in use. AWS calls it grown
# a moment before the kernel sees it. Of a server of somebody's own no volume is touched.
grow_volume() {
    [ -n "$VOLUME_GIB" ] || return 0
    device=$(findmnt -n -o SOURCE --mountpoint "$DATA" | sed 's/\[.*//')
    [ -n "$device" ] || return 0
    wanted=$((VOLUME_GIB * 1073741824))
    tries=0
    while [ "$(blockdev --getsize64 "$device")" -lt "$wanted" ]; do
        [ "$tries" -lt 60 ] || fail "its data volume has $(($(blockdev --getsize64 "$device") / 1073741824)) GiB instead of $VOLUME_GIB" \
            "wait until AWS has grown it (aws ec2 describe-volumes-modifications), then run pulumi up again"
        tries=$((tries + 1))
        sleep 1
    done
    said=$(resize2fs "$device" 2>&1) || fail "the file system of its data volume does not grow: $(printf '%s\n' "$said" | grep '^resize2fs: ' || printf '%s' "$said" | tail -n 1)" \
        "see dmesg there, then run resize2fs $device"
    case $said in
    *"Nothing to do"*) ;;
    *) changed "data volume: $VOLUME_GIB GiB" ;;
    esac
}

# Values are set now and at every boot. One that cannot be set (in a container it is the host's) is told, with the reason.
set_kernel() {
    put /etc/sysctl.d/60-redis-cluster-kit.conf 644 root:root "$SYSCTL_FILE"
    printf '%s\n' "$SYSCTL_FILE" | grep '^[a-z]' | while IFS='= ' read -r key value; do
        path=/proc/sys/$(printf '%s' "$key" | tr . /)
        is=$(cat "$path" 2>/dev/null || echo missing)
        [ "$is" = "$value" ] && continue
        if reason=$( (printf '%s' "$value" >"$path") 2>&1); then
            changed "$key $value"
        else
            warn "$key stays $is instead of $value: ${reason##*: }"
        fi
    done
}

# Under another name it would be another service to systemd; the link changes with the version.
make_units() {
    folder "/etc/systemd/system/$UNIT.d" 755 root:root
    reload=no
    put "$KIT/switch" 755 root:root "$SWITCH_FILE"
    put "/etc/systemd/system/$UNIT" 644 root:root "$UNIT_FILE"
    [ "$did" = no ] || reload=yes
    put /etc/systemd/system/redis-cluster-kit-kernel.service 644 root:root "$KERNEL_UNIT_FILE"
    [ "$did" = no ] || reload=yes
    # Only where there is none: from then on the engine switches, one node at a time.
    if [ ! -e "$KIT/current/redis-server" ]; then
        link "redis-$VERSION" "$KIT/current"
        reload=yes
    fi
    link "$KIT/current/unit.conf" "/etc/systemd/system/$UNIT.d/version.conf"
    [ "$did" = no ] || reload=yes
    [ "$reload" = no ] || systemctl daemon-reload
    at_boot redis-cluster-kit-kernel.service yes
    # A node without persistence would come back empty, and make its replicas the same: the engine starts it.
    at_boot "$UNIT" "$PERSISTENT"
}

# at_boot UNIT yes|no
at_boot() {
    is=no
    if systemctl is-enabled --quiet "$1" 2>/dev/null; then is=yes; fi
    [ "$is" != "$2" ] || return 0
    if [ "$2" = yes ]; then
        systemctl enable --quiet "$1"
    else
        systemctl disable --quiet "$1"
    fi
    changed "$1 at boot: $2"
}

huge_pages_off() {
    file=/sys/kernel/mm/transparent_hugepage/enabled
    [ -e "$file" ] || return 0
    grep -q '\[never\]' "$file" && return 0
    systemctl restart redis-cluster-kit-kernel.service 2>/dev/null || true
    grep -q '\[never\]' "$file" && { changed "transparent huge pages off"; return 0; }
    warn "transparent huge pages stay on ($(cat "$file")): this system does not let them be changed from here. Saves then cost more memory and time"
}

# Declared no more. Backups stay where they are.
remove_backup_timer() {
    if [ "$BACKUP" = yes ] || [ ! -e /etc/systemd/system/redis-cluster-kit-backup.timer ]; then return 0; fi
    systemctl disable --quiet --now redis-cluster-kit-backup.timer
    rm -f /etc/systemd/system/redis-cluster-kit-backup.* /etc/redis-cluster-kit/backup.* "$KIT/backup"
    systemctl daemon-reload
    changed "backup timer: removed"
}

main() {
    take_lock
    make_user
    make_folders
    grow_volume
    set_kernel
    make_units
    huge_pages_off
    remove_backup_timer
    printf 'ready: %s\n' "$NODE"
}
