/*
 * What a guest that has taken over its emulator might try, from inside the emulator's zone. Prints a line for each
 * attempt: its name, and "done" or the name of the error. Runs in place of the emulator, as the init of the zone.
 *
 * Usage: prisoner TAP-FD DISK-FD HOST-PATH...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static void report(const char* what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

static void reach(const char* path) {
  char name[4200];
  snprintf(name, sizeof name, "read %s", path);
  report(name, open(path, O_RDONLY));
}

static long connect_to(int domain, const struct sockaddr* address, socklen_t size) {
  const int fd = socket(domain, SOCK_STREAM, 0);
  return fd < 0 ? fd : connect(fd, address, size);
}

static long ask_tap(int tap, unsigned long request, short flags) {
  struct ifreq argument = {0};
  strcpy(argument.ifr_name, "other");
  argument.ifr_flags = flags;
  return ioctl(tap, request, &argument);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int tap = atoi(argv[1]);
  const int disk = atoi(argv[2]);
  setvbuf(stdout, NULL, _IOLBF, 0);

  // Before it opens any itself.
  for (int fd = 3; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) printf("inherited: %d\n", fd);
  }
  printf("user: %d %d\n", (int)getuid(), (int)getegid());
  printf("processes beside it: %d\n", getppid());
  report("become root", setuid(0));
  report("become another", setresuid(1, 1, 1));
  for (int i = 3; i < argc; ++i) reach(argv[i]);
  for (const char* const* path = (const char* const[]){"/etc/passwd", "/proc/self/status", "/proc/1/root/etc/passwd",
                                                       "/sys/class/net", "/dev/mem", "/dev/kvm", "/dev/net/tun",
                                                       "/dev/vda", "/disk.img", "/../../etc/passwd", NULL};
       *path != NULL; ++path) {
    reach(*path);
  }
  report("make a device", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
  report("make a pipe", mknod("/tmp/pipe", S_IFIFO | 0600, 0));
  report("mount proc", mount("proc", "/proc", "proc", 0, NULL));
  report("mount anew", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
  report("unmount", umount2("/tmp", MNT_DETACH));
  report("get a name space", unshare(CLONE_NEWUSER));
  report("get a child in one", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
  report("get a child by clone3", syscall(SYS_clone3, NULL, 0));
  report("change its root", chroot("/tmp"));
  report("open by handle", syscall(SYS_open_by_handle_at, disk, NULL, O_RDONLY));
  report("trace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
  report("see a process", kill(2, 0));
  report("write to its root", open("/written", O_WRONLY | O_CREAT, 0600));
  report("write to its programs", open("/lib/written", O_WRONLY | O_CREAT, 0600));
  report("write to its log", open("/tmp/vm.log", O_WRONLY));
  report("move its log", rename("/tmp/vm.log", "/tmp/other.log"));
  report("open its disk to others", fchmod(disk, 0666));
  report("write to its disk", pwrite(disk, "x", 1, 4096));
  report("leave its disk upwards", openat(disk, "..", O_RDONLY));
  report("run a file of its own", ({
           const int fd = open("/tmp/program", O_WRONLY | O_CREAT, 0700);
           close(fd);
           (long)execl("/tmp/program", "program", (char*)NULL);
         }));
  report("keep the tap", ask_tap(tap, TUNSETPERSIST, 1));
  report("make another of the tap", ask_tap(tap, TUNSETIFF, IFF_TAP | IFF_NO_PI));
  report("give the tap away", ask_tap(tap, TUNSETOWNER, 1));
  report("give the tap another address", ask_tap(tap, SIOCSIFHWADDR, 1));

  struct if_nameindex* links = if_nameindex();
  for (struct if_nameindex* each = links; each != NULL && each->if_name != NULL; ++each) {
    printf("link: %s\n", each->if_name);
  }
  const struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(0x0a000001)};
  report("connect", connect_to(AF_INET, (const struct sockaddr*)&host, sizeof host));
  const struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(0x7f000001)};
  report("connect to loopback", connect_to(AF_INET, (const struct sockaddr*)&self, sizeof self));
  report("open a raw socket", socket(AF_INET, SOCK_RAW, 1));
  report("open a packet socket", socket(AF_PACKET, SOCK_RAW, 0));

  DIR* root = opendir("/");
  for (struct dirent* entry; root != NULL && (entry = readdir(root)) != NULL;) {
    if (entry->d_name[0] != '.') printf("in its root: %s\n", entry->d_name);
  }
  char name[64] = "";
  gethostname(name, sizeof name);
  printf("host name: %s\n", name);
  printf("no new privileges: %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  printf("seccomp: %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  return 0;
}
