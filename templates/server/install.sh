# Redis of one version into a folder of its own, complete or not there at all. What runs is not touched.

# The archive that the kit has put here, or the one at the address; checked before anything of it is used.
fetch() {
    if [ -n "$UPLOAD" ]; then
        [ -f "$UPLOAD" ] || fail "the archive that the kit has copied here is gone ($UPLOAD)" \
            "copy it again: pulumi up --replace with the URN of the archive of $NODE (pulumi stack --show-urns)"
        cp "$UPLOAD" "$1"
    elif command -v curl >/dev/null; then
        curl -fsSL --retry 3 --connect-timeout 20 --max-time 600 -o "$1" "$URL" || no_source
    else
        wget -q -t 3 -T 60 -O "$1" "$URL" || no_source
    fi
    found=$(sha256sum "$1" | cut -d' ' -f1)
    [ -z "$SHA256" ] || [ "$found" = "$SHA256" ] || fail "the archive is not the declared one: sha256 $found instead of $SHA256" \
        "correct redisSourceSha256, or find out who changed the file"
}

no_source() {
    fail "$URL cannot be fetched from here" "set redisSource to a file on your machine: the kit then copies it to the servers"
}

build() {
    install_packages gcc make libc6-dev ${SYSTEMD_BUILD:+libsystemd-dev pkg-config}
    [ -n "$UPLOAD" ] || command -v curl >/dev/null || command -v wget >/dev/null || install_packages curl ca-certificates
    fetch "$work/archive"
    mkdir "$work/source"
    tar -xzf "$work/archive" -C "$work/source" --no-same-owner
    source=$(find "$work/source" -maxdepth 5 -path '*/src/redis-cli.c' | head -n 1)
    [ -n "$source" ] || fail "there is no source of Redis in the archive" "set redisSource to a tarball as redis.io has them"
    top=$(dirname "$(dirname "$source")")
    malloc=libc
    [ -e "$top/deps/jemalloc/configure" ] && malloc=jemalloc
    log=$work/build.log
    # In the environment: on the command line it would override what the makefiles below it set for themselves.
    env ${CFLAGS:+"CFLAGS=$CFLAGS"} make -C "$top" -j "$(nproc)" MALLOC="$malloc" ${SYSTEMD_BUILD:+USE_SYSTEMD=yes} >"$log" 2>&1 9>&- ||
        fail "building Redis failed: $(grep -m 3 -i 'error' "$log" | cut -c1-200 | tr '\n' ' ')" "build an archive elsewhere (redisSource) and set install to archive: ssh.install, on aws aws.install"
    cp "$top/src/redis-server" "$top/src/redis-cli" "$work/out/"
}

unpack() {
    fetch "$work/archive"
    mkdir "$work/source"
    tar -xzf "$work/archive" -C "$work/source" --no-same-owner
    for program in redis-server redis-cli; do
        found=$(find "$work/source" -name "$program" -type f | head -n 1)
        [ -n "$found" ] || fail "there is no $program in the archive" "set redisSource to a tar.gz with redis-server and redis-cli in it"
        cp "$found" "$work/out/"
    done
}

# redis-tools has the one program that is server and tools by its name, and brings no service that would start.
use_package() {
    install_packages redis-tools
    ln -s /usr/bin/redis-check-rdb "$work/out/redis-server"
    ln -s /usr/bin/redis-cli "$work/out/redis-cli"
}

# Whether this build tells systemd that it is ready: 5.0 always does, later ones where they were built with libsystemd.
speaks_notify() {
    case $VERSION in
    5.*) return 0 ;;
    *) ldd "$(readlink -f "$1")" 2>/dev/null | grep -q libsystemd ;;
    esac
}

write_unit_part() {
    if speaks_notify "$work/out/redis-server"; then
        type=notify supervised=systemd
    else
        type=exec supervised=no
    fi
    cat >"$work/out/unit.conf" <<END
[Service]
Type=$type
ExecStart=
ExecStart=$KIT/current/redis-server /etc/redis/redis.conf --supervised $supervised --daemonize no
END
}

# Relative to the home of whoever logged in: the kit copied it as that user.
find_upload() {
    UPLOAD=
    [ -n "$UPLOAD_NAME" ] || return 0
    home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)
    UPLOAD=$home/$UPLOAD_NAME
}

main() {
    take_lock
    find_upload
    folder "$KIT" 755 root:root
    target=$KIT/redis-$VERSION
    if [ -x "$target/redis-server" ] && [ "$(cat "$target/VERSION" 2>/dev/null)" = "$VERSION" ]; then
        printf 'ready: Redis %s\n' "$VERSION"
        return 0
    fi
    # Left behind by a run that was killed; the lock says that nobody is at it.
    rm -rf "$KIT"/.build-* "$target"
    work=$(mktemp -d "$KIT/.build-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/out"
    case $MODE in
    source) build ;;
    archive) unpack ;;
    package) use_package ;;
    esac
    chmod 755 "$work/out"
    said=$("$work/out/redis-server" --version 2>&1) || fail "this redis-server does not run here: $(printf '%s' "$said" | head -n 1)" \
        "give an archive that was built for this system and processor ($(uname -m))"
    version=$(printf '%s' "$said" | sed -n 's/.* v=\([0-9.]*\) .*/\1/p')
    [ "$version" = "$VERSION" ] || fail "what was installed is Redis $version, declared is $VERSION" "set redisVersion $version, or another redisSource"
    write_unit_part
    printf '%s\n' "$VERSION" >"$work/out/VERSION"
    chown -R root:root "$work/out"
    chmod 755 "$work/out"/redis-*
    mv -T "$work/out" "$target"
    changed "$target"
    [ -z "$UPLOAD" ] || rm -f "$UPLOAD"
}
