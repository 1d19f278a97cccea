# The exporter: program, password file, its script for slots, unit. Redis is not touched.

EXPORTER=redis-cluster-kit-exporter.service

# The package would start a service of its own, without a password: only the program is taken out of it.
from_package() {
    cd "$work"
    apt-get -q download prometheus-redis-exporter >"$APT_LOG" 2>&1 ||
        { apt-get -q -o DPkg::Lock::Timeout=300 update >"$APT_LOG" 2>&1 && apt-get -q download prometheus-redis-exporter >"$APT_LOG" 2>&1; } ||
        fail "the package prometheus-redis-exporter cannot be had: $(tail -n 2 "$APT_LOG" | tr '\n' ' ')" "make it reachable for apt, or give exporter.source"
    dpkg-deb -x ./*.deb "$work/source"
}

from_archive() {
    command -v curl >/dev/null || install_packages curl ca-certificates
    curl -fsSL --retry 3 --connect-timeout 20 --max-time 300 -o "$work/archive" "$URL" || fail "$URL cannot be fetched from here" "use the package, or another address"
    [ "$(sha256sum "$work/archive" | cut -d' ' -f1)" = "$SHA256" ] || fail "the exporter's archive is not the declared one" "correct its sha256"
    tar -xzf "$work/archive" -C "$work/source" --no-same-owner
}

get_exporter() {
    from=${URL:-package}
    [ -x "$KIT/exporter/redis_exporter" ] && [ "$(cat "$KIT/exporter/FROM" 2>/dev/null)" = "$from" ] && return 0
    work=$(mktemp -d "$KIT/.exporter-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/source" "$work/out"
    if [ "$from" = package ]; then from_package; else from_archive; fi
    # Not its init script, which has the same name.
    found=$(find "$work/source" -type f \( -name redis_exporter -o -name prometheus-redis-exporter \) ! -path '*/etc/*' -perm -u+x | head -n 1)
    [ -n "$found" ] || fail "there is no redis_exporter in what was fetched" "use the package, or another address"
    cp "$found" "$work/out/redis_exporter"
    printf '%s\n' "$from" >"$work/out/FROM"
    chmod 755 "$work/out" "$work/out/redis_exporter"
    rm -rf "$KIT/exporter"
    mv -T "$work/out" "$KIT/exporter"
    restart=yes
    changed "$KIT/exporter"
}

main() {
    take_lock
    restart=no
    folder "$KIT" 755 root:root
    folder /etc/redis-cluster-kit 755 root:root
    get_exporter
    reload=no
    put /etc/redis-cluster-kit/exporter.password 600 root:root "$PASSWORD_FILE"
    [ "$did" = no ] || restart=yes
    put "$KIT/slots.lua" 644 root:root "$SLOTS_FILE"
    [ "$did" = no ] || restart=yes
    put "/etc/systemd/system/$EXPORTER" 644 root:root "$EXPORTER_UNIT_FILE"
    [ "$did" = no ] || reload=yes
    if [ "$reload" = yes ]; then
        systemctl daemon-reload
        restart=yes
    fi
    systemctl is-enabled --quiet "$EXPORTER" || systemctl enable --quiet "$EXPORTER"
    if [ "$restart" = yes ] || ! systemctl is-active --quiet "$EXPORTER"; then
        systemctl restart "$EXPORTER" || fail "the exporter does not start: $(journalctl -u "$EXPORTER" -n 3 -o cat | tr '\n' ' ')" "look at journalctl -u $EXPORTER"
    fi
    printf 'ready: exporter of %s\n' "$NODE"
}
