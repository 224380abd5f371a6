# shellcheck shell=bash
# Sourced by start and test: brings a fresh Debian 12 machine with Node and root to where the workspace builds and runs.
# Every function either does its work and says so, or ends the script with a sentence that says what is missing.

export NX_DAEMON=false NX_TUI=false NX_NO_CLOUD=true

say() { printf '\n== %s\n' "$*"; }
refuse() {
  printf '\nCannot go on: %s\n' "$*" >&2
  exit 1
}

# Runs a command and shows its output only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    refuse "this failed: $*"
  fi
}

require_node() {
  local version
  version=$(node --version) || refuse 'Node is not installed (20.19 or newer is needed)'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    refuse "this is Node $version, and 20.19 or newer is needed"
}

require_root() {
  [[ $(uname -s) == Linux ]] || refuse 'containers and network namespaces need Linux'
  [[ $EUID -eq 0 ]] || refuse "this needs root (network namespaces, nftables, Podman): sudo npm run $1"
}

# Arguments: pairs of a file to look for (a command, or an absolute path) and the Debian package that has it.
require_packages() {
  local missing=()
  while [[ $# -gt 0 ]]; do
    [[ -x $1 ]] || command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null ||
    refuse "these packages are missing, and there is no apt-get to install them with: ${missing[*]}"
  say "Installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update
  quietly apt-get install --yes --no-install-recommends "${missing[@]}"
}

# npm ci when node_modules is not the one of this lock file.
require_node_modules() {
  local lock stamp=node_modules/.flatnet-lock
  lock=$(sha256sum <package-lock.json)
  [[ -f $stamp && $(<"$stamp") == "$lock" ]] && return 0
  say 'Installing npm packages (about a minute)'
  quietly npm ci
  printf '%s\n' "$lock" >"$stamp"
}

# All the tools that the plugins, the main job and the tests execute.
require_everything() {
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  require_node
  require_root "$1"
  require_packages ip iproute2 nft nftables conntrack conntrack podman podman runc runc busybox busybox-static \
    ps procps unshare util-linux mount mount iptables iptables /usr/lib/cni/bridge containernetworking-plugins
  require_node_modules
}

build() {
  say 'Building the plugins'
  quietly npx nx run-many -t build compile
  ls -l dist/bin
}
