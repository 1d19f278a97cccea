# The backup timer: user, place, program, settings, password file, units. Redis is not touched.

BACKUP=redis-cluster-kit-backup

make_backup_user() {
    getent passwd redis-backup >/dev/null && return 0
    useradd --system --user-group --home-dir "/var/lib/$BACKUP" --no-create-home --shell /usr/sbin/nologin redis-backup
    changed "user redis-backup"
}

# A folder that is there keeps its owner and mode: it may be a share.
make_place() {
    case $PLACE in
    s3://*)
        command -v aws >/dev/null || install_packages awscli
        return 0
        ;;
    /tmp | /tmp/* | /var/tmp | /var/tmp/* | /dev/* | /run/* | /proc/* | /sys/*)
        fail "backups cannot be kept in $PLACE: it does not outlast a boot, or is hidden from services" "pulumi config set --path backup.to /var/backups/redis" ;;
    esac
    [ -d "$PLACE" ] || folder "$PLACE" 700 redis-backup:redis-backup
    setpriv --reuid redis-backup --regid redis-backup --clear-groups test -w "$PLACE" -a -x "$PLACE" ||
        fail "the user redis-backup may not write to $PLACE" "chown redis-backup $PLACE, or set another backup.to"
}

# Where Debian's node_exporter looks for files, if it is here.
show_to_node_exporter() {
    folder=/var/lib/prometheus/node-exporter
    [ ! -d "$folder" ] || link "/var/lib/$BACKUP/$BACKUP-$CLUSTER.prom" "$folder/$BACKUP-$CLUSTER.prom"
}

main() {
    take_lock
    said=$(systemd-analyze calendar "$SCHEDULE" 2>&1) || fail "systemd does not know the time \"$SCHEDULE\": $(printf '%s' "$said" | head -n 1)" \
        'set backup.schedule to a calendar time, e.g. daily or "*-*-* 03:15:00"'
    make_backup_user
    make_place
    folder /etc/redis-cluster-kit 755 root:root
    put "$KIT/backup" 755 root:root "$PROGRAM_FILE"
    put /etc/redis-cluster-kit/backup.conf 644 root:root "$SETTINGS_FILE"
    put /etc/redis-cluster-kit/backup.password 600 root:root "$PASSWORD_FILE"
    reload=no
    put "/etc/systemd/system/$BACKUP.service" 644 root:root "$SERVICE_FILE"
    [ "$did" = no ] || reload=yes
    put "/etc/systemd/system/$BACKUP.timer" 644 root:root "$TIMER_FILE"
    restart=$did
    [ "$did" = no ] || reload=yes
    [ "$reload" = no ] || systemctl daemon-reload
    systemctl is-enabled --quiet "$BACKUP.timer" 2>/dev/null || systemctl enable --quiet "$BACKUP.timer"
    if [ "$restart" = yes ] || ! systemctl is-active --quiet "$BACKUP.timer"; then systemctl restart "$BACKUP.timer"; fi
    show_to_node_exporter
    printf 'ready: backups of %s\n' "$CLUSTER"
}
