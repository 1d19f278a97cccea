# Common to every script that runs on a server. Plain sh. The kit puts variables before it and the script's own part after it.
# What is said on stdout is shown by the kit where it begins with "warning:"; "problem:" lines say why a script stopped.

KIT=/opt/redis-cluster-kit
UNIT=redis-cluster-kit.service
DATA=/var/lib/redis

fail() {
    printf 'problem: %s: %s\n  cure: %s\n' "$NODE" "$1" "$2" >&2
    exit 1
}

warn() {
    printf 'warning: %s: %s\n' "$NODE" "$1"
}

changed() {
    printf 'changed: %s\n' "$1"
}

# Everything that changes the server holds this lock: a script whose connection broke may still be running.
take_lock() {
    exec 9>/run/redis-cluster-kit.lock
    flock -w "${LOCK_WAIT_S:-900}" 9 || fail "another run of the kit has been at work here for more than ${LOCK_WAIT_S:-900} s" \
        "wait for it, or look at it on the server: fuser -v /run/redis-cluster-kit.lock"
}

# put FILE MODE OWNER CONTENT: writes the file in one step where it differs; `did` says whether it was written.
# (No exit code for that: in a condition the shell would go on after an error inside.)
put() {
    did=no
    if [ -f "$1" ] && [ ! -L "$1" ] && [ "$(cat "$1"; echo x)" = "$(printf '%s\nx' "$4")" ] &&
        [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ]; then
        return 0
    fi
    temporary=$(mktemp "$1.XXXXXX")
    printf '%s\n' "$4" >"$temporary"
    chown "$3" "$temporary"
    chmod "$2" "$temporary"
    mv -f "$temporary" "$1"
    did=yes
    changed "$1"
}

# folder PATH MODE OWNER
folder() {
    if [ -d "$1" ] && [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ]; then
        return 0
    fi
    mkdir -p "$1"
    chown "$3" "$1"
    # With zeros before it: chmod leaves a folder's setgid bit alone otherwise, and packages set it.
    chmod "00$2" "$1"
    changed "$1"
}

# link TARGET LINK: in one step; `did` as for put.
link() {
    did=no
    if [ "$(readlink "$2" 2>/dev/null || true)" = "$1" ]; then
        return 0
    fi
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
    did=yes
    changed "$2"
}

# Packages of the distribution that are missing. Their services are not started: policy-rc.d is asked before each start.
install_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "these are missing and there is no apt-get to install them:$missing" "install them"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of names
    if ! apt_install $missing; then
        apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >"$APT_LOG" 2>&1 || true
        apt_install $missing || fail "apt-get install$missing failed: $(tail -n 3 "$APT_LOG" | tr '\n' ' ')" \
            "make the packages reachable for apt on this server, or install them yourself"
    fi
    changed "packages:$missing"
}

APT_LOG=/run/redis-cluster-kit.apt.log
apt_install() {
    apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" >"$APT_LOG" 2>&1 9>&-
}
