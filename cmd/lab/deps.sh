#!/bin/sh
# Installs the Debian packages that are used here, if they are missing:
#   deps.sh lab    for `make run` and `make bench`: servers and clients
#   deps.sh        for the tests too: virtual boxes and their images
# Nothing is started as a service.
set -eu

lab="isc-dhcp-client udhcpc dhcpcd-base isc-dhcp-relay isc-dhcp-server
kea-dhcp4-server kea-admin dnsmasq-base iproute2 tcpdump tshark systemd"
boxes="qemu-system-x86 qemu-system-arm ovmf qemu-efi-aarch64 xz-utils zstd mtools
dosfstools e2fsprogs gdisk chrony grub-common debian-archive-keyring ca-certificates"

wanted="$lab $boxes"
[ "${1:-all}" = all ] || wanted="$lab"

missing=""
for p in $wanted; do
	case "$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)" in
	"install ok installed") ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

fail() {
	echo "deps: cannot install the Debian packages that are missing here:$missing" >&2
	echo "deps: $1" >&2
	exit 1
}

command -v apt-get >/dev/null || fail "there is no apt-get; the laboratory needs Debian's programs"
[ "$(id -u)" = 0 ] || fail "install them as root: apt-get install$missing"

# Packages of servers start them when installed; policy-rc.d refuses that.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends $missing; }
echo "deps: installing$missing"
# The lists may be missing or old: try, fetch them, try again.
install >/dev/null 2>&1 || {
	apt-get update -q || fail "apt-get update failed (no network, or no source?)"
	install || fail "apt-get install failed, see above"
}
