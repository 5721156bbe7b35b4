#!/sbin/sh
# Puts vmadm and imgadm in the place of those of a platform whose /usr cannot be written, and takes them away again: a
# loopback mount of each file over the platform's. Method of svc:/system/smartadm.
#
#   commands start|stop        SMARTADM_DRY_RUN=yes: prints what would be done

ok=0
misconfigured=96
home=${SMARTADM_HOME:-/opt/smartadm}
platform=${SMARTADM_PLATFORM:-/usr}
mounts=${SMARTADM_MNTTAB:-/etc/mnttab}

run() {
	if [ "$SMARTADM_DRY_RUN" = yes ]; then
		echo "$@"
	else
		"$@"
	fi
}

# Whether something is mounted there: the second field of a line.
mounted() {
	while read -r special target rest; do
		[ "$target" = "$1" ] && return 0
	done <"$mounts"
	return 1
}

start() {
	for name in vm/sbin/vmadm img/sbin/imgadm; do
		own=$home/sbin/${name##*/}
		# One that does not work must not hide one that does.
		if ! "$own" --version >/dev/null; then
			echo "$own does not work here: the platform's own stays in place" >&2
			exit $misconfigured
		fi
	done
	for name in vm/sbin/vmadm img/sbin/imgadm; do
		place=$platform/$name
		if [ ! -f "$place" ]; then
			echo "$place: this platform has no such command" >&2
			exit $misconfigured
		fi
		mounted "$place" || run mount -F lofs -o ro "$home/sbin/${name##*/}" "$place" || exit 1
	done
}

stop() {
	for name in img/sbin/imgadm vm/sbin/vmadm; do
		! mounted "$platform/$name" || run umount "$platform/$name" || exit 1
	done
}

case $1 in
start | stop)
	"$1"
	exit $ok
	;;
*)
	echo "usage: $0 start|stop" >&2
	exit 2
	;;
esac
