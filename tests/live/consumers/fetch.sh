#!/bin/bash
# Fetch consumers that this Debian does not have, or has too old, from the next stable release: fetch.sh quadlet docker kubectl promtool
# promtool comes from this release: its package would install a server.
# Only the ordinary apt client, this machine's own mirror and Debian's own signing keys; nothing is installed or configured.
# The binaries go to ${XDG_CACHE_HOME:-$HOME/.cache}/oomconf-tests/bin, where the oracles look for them; what is there already stays.
set -euo pipefail

release=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
bin="${XDG_CACHE_HOME:-$HOME/.cache}/oomconf-tests/bin"

declare -A package=([quadlet]=podman [docker]=docker-cli [kubectl]=kubectl [promtool]=prometheus)
declare -A path=([quadlet]=usr/libexec/podman/quadlet [docker]=usr/bin/docker [kubectl]=usr/bin/kubectl [promtool]=usr/bin/promtool)

wanted=()
for tool in "$@"; do
    [ -n "${package[$tool]:-}" ] || { echo "fetch.sh: do not know $tool" >&2; exit 2; }
    [ -x "$bin/$tool" ] || wanted+=("$tool")
done
[ ${#wanted[@]} -gt 0 ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/get" "$bin"
: >"$work/status"

# The mirror that serves this machine's own release, not the security or updates archive.
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # the names are apt's, not the shell's
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME)' 'Created-By: Packages' |
    awk -v own="$codename" '($2 == own || $3 == own) && !found { print $1; found = 1 }')
[ -n "$mirror" ] || { echo "fetch.sh: no apt source serves $codename" >&2; exit 1; }
for name in $(printf '%s\n' "$release" "$codename" | sort -u); do
    echo "deb [signed-by=$keyring] $mirror $name main"
done >"$work/sources.list"

options=(-qq -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=/dev/null" -o "Dir::Etc::preferencesparts=/dev/null"
    -o "Dir::State=$work/state" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache"
    -o "APT::Sandbox::User=" -o "Acquire::Languages=none" -o "Acquire::Retries=3")
apt-get "${options[@]}" update

for tool in "${wanted[@]}"; do
    from=$release
    [ "$tool" != promtool ] || from=$codename
    (cd "$work/get" && apt-get "${options[@]}" download "${package[$tool]}/$from")
    deb=$(echo "$work/get/${package[$tool]}"_*.deb)
    dpkg-deb -x "$deb" "$work/$tool"
    if ldd "$work/$tool/${path[$tool]}" 2>&1 | grep -E 'not found|GLIBC'; then
        echo "fetch.sh: $tool of $from does not run on $codename" >&2
        exit 1
    fi
    install -m 755 "$work/$tool/${path[$tool]}" "$bin/.$tool"
    mv "$bin/.$tool" "$bin/$tool"
    dpkg-deb -W --showformat "fetch.sh: $tool from \${Package} \${Version}\n" "$deb"
done
