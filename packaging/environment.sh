# shellcheck shell=bash
# The environment in which Chromatch is built and tested; sourced by the programs of this folder.
#
# It is the machine itself where the distribution has GIMP 3 and LibTorch (Debian 13, Ubuntu 25.10 and later), and a
# Debian 13 root in the user's cache folder everywhere else. "--suite forky" of the programs names the Debian after it
# instead, with GIMP 3.2 and a newer LibTorch; that one's root and build folders lie beside the others. The root's system
# folders are read-only for whoever is inside; everything else of the machine (home, temporary folder, clone) is there
# under its own path.
#
# Settings, all optional:
#   XDG_CACHE_HOME     where the root lies: $XDG_CACHE_HOME/chromatch (default ~/.cache/chromatch)
#   CHROMATCH_MIRROR   the Debian mirror the root is made from
#   CHROMATCH_ENTER    "bwrap" or "chroot": how the root is entered, instead of what works first

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chromatch
suite=trixie
suite_named=no # by the user; else a machine that has GIMP 3 is the environment itself
root=$cache/root-$suite
setup_log=$cache/setup.log
cuda=/usr/local/cuda # NVIDIA's packages put it there; seen in the root as well
build=$repository/build
build_options=(-Dplugin=enabled -Dcli=enabled -Dtraining=enabled -Dtests=enabled)

# Ends the program with the one sentence that the user sees.
fail() {
    echo "chromatch: $1" >&2
    exit 1
}

say() {
    echo "chromatch: $1" >&2
}

# Leaves version, which is meson.build's, and released, its day in CHANGELOG.md.
read_version() {
    version=$(sed -n "s/^ *version: '\(.*\)',.*/\1/p" "$repository/meson.build" | head -n 1)
    released=$(sed -n "s/^## $version - \(....-..-..\)$/\1/p" "$repository/CHANGELOG.md" 2>/dev/null || true)
    [[ -n $released ]] || fail "CHANGELOG.md has no heading \"## $version - YEAR-MONTH-DAY\" for meson.build's version."
}

# choose_suite SUITE: that Debian as the environment, with a root and build folders of its own.
choose_suite() {
    case $1 in
    trixie) ;;
    forky) build=$repository/build-forky ;;
    *) fail "There is no suite \"$1\": name trixie (Debian 13) or forky (the Debian after it)." ;;
    esac
    suite=$1
    suite_named=yes
    root=$cache/root-$suite
}

# run_logged LOG COMMAND...: both outputs go to the log, and nothing is read from the terminal.
run_logged() {
    local log=$1
    shift
    echo "+ $*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null
}

# fail_step STEP: what went wrong in a step that downloads or installs, told from its log.
fail_step() {
    local step=$1
    local last
    last=$(tail -n 200 "$setup_log")
    if grep -qiE 'no space left|enough free space|disk quota exceeded' <<<"$last"; then
        fail "$step failed because the disk is full: free some space and run this again (details: $setup_log)."
    elif grep -qiE 'could ?n.t resolve|failure resolving|could not connect|unable to connect|connection (failed|refused|timed out)|network is unreachable|could not handshake|failed to fetch' <<<"$last"; then
        fail "$step failed because the Debian mirror could not be reached: check the network or the proxy and run this again (details: $setup_log)."
    elif grep -qiE 'permission denied|operation not permitted' <<<"$last"; then
        fail "$step failed for want of rights: run this as root, or as a user with sudo (details: $setup_log)."
    else
        fail "$step failed: see $setup_log."
    fi
}

# require_space FOLDER GIGABYTES STEP
require_space() {
    local free
    free=$(df --output=avail -k "$1" | tail -n 1)
    if ((free < $2 * 1024 * 1024)); then
        fail "$3 needs $2 GB of free space in $1, which has only $((free / 1024 / 1024)) GB: free some and run this again."
    fi
}

# Asks for sudo's password at most once, before anything runs as root. STEP says what for.
require_rights() {
    ((EUID == 0)) && return
    if ! command -v sudo >/dev/null; then
        fail "$1 needs root's rights: run this as root, or install sudo."
    fi
    sudo -n true 2>/dev/null && return
    if ! { : </dev/tty; } 2>/dev/null || ! sudo -v -p "Password of %u ($1): "; then
        fail "$1 needs root's rights, and sudo refused them: run this as root, or as a user with sudo."
    fi
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

wanted_packages() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$repository/packaging/packages.txt"
}

# missing_packages DPKG_FOLDER PACKAGE...: those that are not installed completely.
missing_packages() {
    local folder=$1
    shift
    comm -23 <(printf '%s\n' "$@" | sort -u) \
        <(dpkg-query --admindir="$folder" -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
            sed -n 's/^.i  *//p' | sort -u)
}

# host_install STEP PACKAGE...
host_install() {
    local step=$1
    shift
    require_rights "$step"
    say "$step: $*"
    # Stale lists may still do; what cannot be fetched then fails by its own name.
    run_logged "$setup_log" as_root apt-get update || true
    run_logged "$setup_log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" || fail_step "$step"
}

# True where the distribution is known to carry GIMP 3 and LibTorch, or its package lists say so; with a named suite,
# where the distribution is that one.
distribution_has_gimp3() {
    local id='' version=''
    # shellcheck disable=SC1091
    id=$(. /etc/os-release && echo "${ID:-}")
    # shellcheck disable=SC1091
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    if [[ $suite_named == yes ]]; then
        # shellcheck disable=SC1091
        [[ $id == debian && $(. /etc/os-release && echo "${VERSION_CODENAME:-}") == "$suite" ]]
        return
    fi
    case $id in
    debian) [[ -z $version ]] || ((${version%%.*} >= 13)) ;; # testing and sid have no number
    ubuntu) dpkg --compare-versions "$version" ge 25.10 ;; # 25.04 has GIMP 3.0.2
    *) [[ -z $(packages_without_candidate) ]] ;;
    esac
}

# Those that the distribution does not have, or only as a version before the one that plugin/meson.build asks for.
packages_without_candidate() {
    local package least candidate
    while read -r package least; do
        candidate=$(LC_ALL=C apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)/\1/p')
        if [[ -z $candidate ]] || dpkg --compare-versions "$candidate" lt "$least"; then
            echo "$package"
        fi
    done <<'END'
gimp 3.0.4
libgimp-3.0-dev 3.0.4
libtorch-dev 0
END
}

# prepare_environment PACKAGE...: with packages beyond those of packages.txt. Leaves native=yes where the machine itself is
# the environment, else native=no.
prepare_environment() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "The set-up knows Debian and its relatives only: build by hand with meson, or use a machine with Debian 12 or later."
    fi
    mkdir -p "$cache" 2>/dev/null || fail "The folder $cache cannot be made: make it writable, or set XDG_CACHE_HOME."
    [[ -w $cache ]] || fail "The folder $cache cannot be written: make it writable, or set XDG_CACHE_HOME."

    local wanted missing
    mapfile -t wanted < <(wanted_packages && printf '%s\n' "$@" | sed '/^$/d')
    # One set-up at a time; the next one finds everything in place.
    exec 9>"$cache/lock"
    flock -n 9 || { say "waiting for another set-up to end"; flock 9; }
    native=no
    if distribution_has_gimp3; then
        native=yes
        mapfile -t missing < <(missing_packages /var/lib/dpkg "${wanted[@]}")
        if ((${#missing[@]})); then
            : >"$setup_log"
            require_space /usr 4 "Installing the packages"
            host_install "Installing the packages" "${missing[@]}"
        fi
    else
        prepare_root "${wanted[@]}"
    fi
    exec 9>&-
}

prepare_root() {
    if [[ ! -d $root ]]; then
        : >"$setup_log"
        require_space "$cache" 6 "Making the Debian $suite root"
        local tools=()
        command -v mmdebstrap >/dev/null || tools+=(mmdebstrap)
        command -v bwrap >/dev/null || tools+=(bubblewrap)
        [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || tools+=(debian-archive-keyring)
        if ((${#tools[@]})); then
            host_install "Installing the tools that make the Debian $suite root" "${tools[@]}"
        fi
        make_root "$@"
    fi
    local missing
    mapfile -t missing < <(missing_packages "$root/var/lib/dpkg" "$@")
    if ((${#missing[@]})); then
        : >"$setup_log"
        require_space "$cache" 2 "Adding packages to the Debian $suite root"
        install_in_root "${missing[@]}"
    fi
}

# The machine's settings for downloads (proxies above all) serve in the root as well.
download_settings() {
    apt-config dump 2>/dev/null |
        grep -E '^Acquire::(https?::(Proxy|CaInfo|Verify)[^A-Za-z]|Check-|Retries|ForceIPv)' || true
}

# download_settings as mmdebstrap's options, and no translated package lists; one option a line.
download_options() {
    echo '--aptopt=Acquire::Languages "none"'
    download_settings | sed -e 's/;$//' -e 's/^/--aptopt=/'
}

# What mmdebstrap is told for every root of ours, one option a line.
root_options() {
    printf '%s\n' --mode=root --variant=apt --components=main,contrib --dpkgopt=force-unsafe-io
    download_options
}

# in_clean_root SUITE FOLDER LOG: makes a Debian of nothing but apt, runs the program FOLDER/steps in it as root with the
# files of FOLDER in /chromatch, brings what it leaves in /chromatch/results into FOLDER, and throws the Debian away.
in_clean_root() {
    local step="Making a clean Debian $1" missing options hooks status=0
    require_rights "$step"
    require_space "${TMPDIR:-/tmp}" 5 "$step"
    mapfile -t missing < <(missing_packages /var/lib/dpkg mmdebstrap debian-archive-keyring)
    ((${#missing[@]} == 0)) || host_install "$step" "${missing[@]}"
    mapfile -t options < <(root_options)
    # shellcheck disable=SC2016
    hooks=(--customize-hook='mkdir -p "$1/chromatch/results"' --customize-hook="sync-in '$2' /chromatch"
        --customize-hook='chroot "$1" bash /chromatch/steps' --customize-hook="sync-out /chromatch/results '$2'")
    run_logged "$3" as_root env DEBIAN_FRONTEND=noninteractive mmdebstrap "${options[@]}" "${hooks[@]}" --format=null \
        "$1" - ${CHROMATCH_MIRROR:+"$CHROMATCH_MIRROR"} || status=$?
    # sync-out makes root the owner of the folder itself, too.
    as_root chown -R "$(id -u):$(id -g)" "$2"
    return "$status"
}

# Made under another name and renamed when it is complete, so that an interrupted run leaves no half root.
make_root() (
    local step="Making the Debian $suite root" partial
    require_rights "$step"
    say "$step in $root (2.5 GB, a few minutes)"
    for partial in "$cache/root-$suite".partial-*; do # left by a run that was killed
        [[ ! -d $partial ]] || as_root rm -rf --one-file-system "$partial"
    done
    partial=$(mktemp -u "$cache/root-$suite.partial-XXXXXX")
    # shellcheck disable=SC2064
    trap "as_root rm -rf --one-file-system '$partial'" EXIT
    local options
    mapfile -t options < <(root_options)
    run_logged "$setup_log" as_root env DEBIAN_FRONTEND=noninteractive mmdebstrap "${options[@]}" \
        --include="$(printf '%s\n' "$@" | paste -sd ,)" "$suite" "$partial" \
        ${CHROMATCH_MIRROR:+"$CHROMATCH_MIRROR"} || fail_step "$step"
    as_root mv -T "$partial" "$root" || fail "$step failed: $partial could not be renamed to $root."
    trap - EXIT
)

install_in_root() {
    local step="Adding packages to the Debian $suite root"
    require_rights "$step"
    say "$step: $*"
    # shellcheck disable=SC2016
    local script='dpkg --configure -a && apt-get update && apt-get install -y --no-install-recommends "$@" && apt-get clean'
    local plan=() entering name
    for name in "$root"/*; do
        [[ ${name##*/} == @(dev|proc|sys|tmp) ]] && continue
        if [[ -L $name ]]; then
            plan+=("link" "$(readlink "$name")" "/${name##*/}")
        else
            plan+=("rw" "$name" "/${name##*/}")
        fi
    done
    plan+=("rw" /dev /dev "rw" /proc /proc "ro" /sys /sys "rw" /tmp /tmp)
    plan_files /etc/resolv.conf /etc/hosts
    enter_plan as_root / env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "$script" sh "$@"
    run_logged "$setup_log" "${entering[@]}" || fail_step "$step"
}

# ---- Entering the root -------------------------------------------------------------------------------------------
#
# A plan is a flat list of triples, carried out in order on an empty file system:
#   ro SOURCE PLACE     SOURCE of the machine is seen at PLACE, read-only
#   rw SOURCE PLACE     the same, writable
#   dir - PLACE         an empty folder
#   link TARGET PLACE   a symbolic link

system_folder() {
    [[ $1 == @(bin|boot|dev|etc|lib*|lost+found|proc|run|sbin|sys|usr|var) ]]
}

# The caller's folders that lie inside a system folder (a clone in /usr/src, a temporary folder in /run): they must be
# bound one by one, because the system folders come from the root.
folders_within_system() {
    local folder sibling
    {
        for folder in "$PWD" "$repository" "$HOME" "$cache" "${TMPDIR:-/tmp}" "${XDG_RUNTIME_DIR:-/tmp}"; do
            realpath -qe "$folder" || true
        done
        for sibling in "${repository%/*}"/*/; do
            realpath -qe "$sibling" || true
        done
        echo /var/tmp
    } | sort -u | while read -r folder; do
        local top=${folder#/}
        system_folder "${top%%/*}" || continue
        [[ $folder == /var/tmp || ! -e $root$folder ]] || continue
        echo "$folder"
    done
    [[ ! -d $cuda ]] || echo "$cuda"
}

# plan_system PLACE: the root's PLACE, opened up where one of the caller's folders lies in it.
plan_system() {
    local place=$1 folder child
    if [[ -L $root$place ]]; then
        plan+=("link" "$(readlink "$root$place")" "$place")
        return
    fi
    for folder in "${inner_folders[@]}"; do
        [[ $folder != "$place" ]] || return 0
        if [[ $folder == "$place"/* && -d $root$place ]]; then
            plan+=("dir" "-" "$place")
            for child in "$root$place"/*; do
                [[ ! -e $child && ! -L $child ]] || plan_system "${child#"$root"}"
            done
            return
        fi
    done
    plan+=("ro" "$root$place" "$place")
}

# plan_files FILE...: single files as on the machine.
plan_files() {
    local file source
    for file in "$@"; do
        if source=$(realpath -qe "$file") && [[ -f $root$file && ! -L $root$file ]]; then
            plan+=("ro" "$source" "$file")
        fi
    done
}

make_plan() {
    local name inner_folders
    plan=()
    mapfile -t inner_folders < <(folders_within_system)
    for name in "$root"/*; do
        name=${name##*/}
        if system_folder "$name" && [[ $name != @(boot|dev|proc|run|sys) ]]; then
            plan_system "/$name"
        fi
    done
    plan+=("dir" "-" /run "rw" /dev /dev "rw" /proc /proc "ro" /sys /sys)
    plan_files /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/passwd /etc/group /etc/machine-id
    for name in /*; do
        ! system_folder "${name#/}" || continue
        if [[ -L $name ]]; then
            plan+=("link" "$(readlink "$name")" "$name")
        elif [[ -d $name ]]; then
            plan+=("rw" "$name" "$name")
        fi
    done
    for name in "${inner_folders[@]}"; do
        if [[ $name == "$cuda" ]]; then
            plan+=("ro" "$(realpath "$cuda")" "$cuda")
        else
            plan+=("rw" "$name" "$name")
        fi
    done
}

# enter_plan as_root|as_user FOLDER COMMAND...: leaves in entering the command line that runs COMMAND from FOLDER by the
# plan. bubblewrap needs no rights where user namespaces are allowed; a container may refuse it and still let root mount.
enter_plan() {
    local rights=() folder=$2
    [[ $1 == as_user ]] || ((EUID == 0)) || rights=(sudo)
    shift 2
    local how=${CHROMATCH_ENTER:-}
    if [[ -z $how ]]; then
        if "${rights[@]}" bwrap --bind / / true 2>/dev/null; then
            how=bwrap
        elif "${rights[@]}" unshare -m true 2>/dev/null; then
            how=chroot
        elif ((EUID == 0)); then
            fail "Entering the Debian $suite root failed because this container allows neither bubblewrap nor mounts: give it the right to mount (CAP_SYS_ADMIN), or use one with Debian 13."
        else
            fail "Entering the Debian $suite root failed because bubblewrap may not make a user namespace: allow unprivileged user namespaces, or run this as root."
        fi
    fi
    if [[ $how == chroot ]]; then
        mkdir -p "$cache/mount"
        entering=("${rights[@]}" unshare -m --propagation private
            bash "$repository/packaging/enter-chroot" "$cache/mount" "$folder" $((${#plan[@]} / 3)) "${plan[@]}" "$@")
        return
    fi
    entering=("${rights[@]}" bwrap)
    local i
    for ((i = 0; i < ${#plan[@]}; i += 3)); do
        local source=${plan[i + 1]} place=${plan[i + 2]}
        case ${plan[i]} in
        ro) entering+=(--ro-bind "$source" "$place") ;;
        rw)
            case $place in
            /dev) entering+=(--dev-bind /dev /dev) ;;
            /proc) entering+=(--proc /proc) ;;
            *) entering+=(--bind-try "$source" "$place") ;;
            esac
            ;;
        dir) entering+=(--dir "$place") ;;
        link) entering+=(--symlink "$source" "$place") ;;
        esac
    done
    # bubblewrap waits in a process of its own; when that is killed, its child must not live on.
    entering+=(--chdir "$folder" -- setpriv --pdeathsig TERM "$@")
}

# run_inside COMMAND...: becomes COMMAND in the environment. Call it in a subshell where something comes after.
run_inside() {
    local programs=$build/engine/cli:$build/models/training:$build/models/evaluation:$build/tests/bench
    unset LANGUAGE
    if [[ $native == yes ]]; then
        LC_ALL=C.UTF-8 PATH=$programs:$PATH exec env "$@"
    fi
    local plan entering
    make_plan
    unset LD_LIBRARY_PATH LD_PRELOAD # they name the machine's libraries
    enter_plan as_user "$(pwd -P)" env LC_ALL=C.UTF-8 "PATH=$programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH" "$@"
    exec "${entering[@]}"
}

# ---- Building ----------------------------------------------------------------------------------------------------

# LibTorch's headers take up to 2 GB a compiler.
build_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable/ { print int($2 / 2000000) }' /proc/meminfo)
    echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# Configures the build where it is not, and brings it up to date. Quiet unless it fails.
bring_up_to_date() {
    local log=$build/packaging.log
    mkdir -p "$build" || fail "The build folder $build cannot be made: make the clone writable."
    # Two runs at once would have two ninjas in one folder.
    exec 9<"$repository/packaging/packages.txt"
    flock 9
    : >"$log"
    if [[ ! -e $build/build.ninja ]]; then
        require_space "$build" 2 "Building"
        (run_logged "$log" run_inside meson setup "$build" "$repository" "${build_options[@]}") ||
            { tail -n 20 "$log" >&2; fail "Configuring the build failed: see $log."; }
    fi
    (run_logged "$log" run_inside ninja -C "$build" -j "$(build_jobs)") ||
        { tail -n 60 "$log" >&2; fail "Building failed: see $log."; }
    exec 9<&-
}
