#!/bin/busybox sh
# The first process of the guest that the tests boot. Says `guest: …` on the first serial port when something is done, and
# then runs the command lines that it reads there, each followed by `guest: done STATUS`.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
while read -r module; do insmod "/modules/$module.ko"; done </modules/order

exec </dev/ttyS0 >/dev/ttyS0 2>&1
# What is typed comes as it is, and nothing is said twice.
stty -F /dev/ttyS0 -echo

# An event of the power button means what it says.
watch_button() {
  for device in /sys/class/input/event*; do
    [ "$(cat "$device/device/name")" = 'Power Button' ] || continue
    head -c 24 "/dev/input/${device##*/}" >/dev/null && echo 'guest: power button' && poweroff -f
  done
}
watch_button &
echo "$!" >/button.pid

cat >/lease.sh <<'SCRIPT'
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
echo "guest: address $ip" >/dev/ttyS0
SCRIPT
chmod 755 /lease.sh

echo "guest: up firmware=$([ -d /sys/firmware/efi ] && echo uefi || echo bios) product=$(cat /sys/class/dmi/id/product_name)"
if [ -e /sys/class/net/eth0 ]; then
  ip link set eth0 up
  udhcpc -i eth0 -q -n -t 8 -T 1 -s /lease.sh >/dev/null 2>/dev/null || echo 'guest: no lease'
fi
echo 'guest: ready'
while read -r line; do
  eval "$line"
  echo "guest: done $?"
done
poweroff -f
