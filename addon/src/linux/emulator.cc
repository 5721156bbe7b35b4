#include "linux/emulator.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "core/native_error.h"
#include "linux/zone_sources.h"

namespace smartadm {
namespace {

// Below are the numbers that whoever starts the zone uses for itself.
constexpr int kFirstInherited = 64;
constexpr int kLastInherited = 1022;
constexpr int kMonitor = 1023;
// Where the zone has zone-emulator.
constexpr const char* kStarter = "/usr/bin/zone-emulator";
constexpr int kKeptLogs = 10;
constexpr rlim_t kDescriptors = 4096;

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

// The fields of a line after its first word; the last one takes all that is left.
std::vector<std::string> Fields(const std::string& line, size_t count) {
  std::vector<std::string> fields;
  size_t at = line.find('\t');
  while (at != std::string::npos && fields.size() < count) {
    const size_t end = fields.size() + 1 == count ? std::string::npos : line.find('\t', at + 1);
    fields.push_back(line.substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
  if (fields.size() != count) Fail("read", line, EINVAL);
  return fields;
}

int64_t Number(const std::string& text, int64_t least, int64_t most) {
  size_t end = 0;
  int64_t value = -1;
  try {
    value = std::stoll(text, &end);
  } catch (const std::exception&) {
    Fail("read", text, EINVAL);
  }
  if (end != text.size() || value < least || value > most) Fail("read", text, EINVAL);
  return value;
}

int Descriptor(const std::string& text) { return static_cast<int>(Number(text, kFirstInherited, kLastInherited)); }

UniqueFd OpenBeneath(const std::string& base, const std::string& path, int flags) {
  const UniqueFd folder(::open(base.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) Fail("open", base);
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const std::string inner = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, folder.get(), inner.c_str(), &how, sizeof how)));
  if (!fd) Fail("open", base + "/" + inner);
  return fd;
}

// The folder itself exists; those between it and `path` are made.
void MakeParents(const std::string& folder, const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = folder + path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) Fail("mkdir", parent);
  }
}

void Restrict(const std::string& place, uint64_t attributes) {
  struct mount_attr change = {};
  change.attr_set = attributes;
  if (::mount_setattr(AT_FDCWD, place.c_str(), AT_SYMLINK_NOFOLLOW, &change, sizeof change) != 0) {
    Fail("mount_setattr", place);
  }
}

// Mounts what `fd` points at on `place`, which is made.
void BindTo(int fd, const std::string& place, uint64_t attributes) {
  struct stat found = {};
  if (::fstat(fd, &found) != 0) Fail("stat", place);
  if (S_ISDIR(found.st_mode)) {
    if (::mkdir(place.c_str(), 0755) != 0 && errno != EEXIST) Fail("mkdir", place);
  } else if (S_ISREG(found.st_mode)) {
    const UniqueFd file(::open(place.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) Fail("open", place);
  } else {
    Fail("mount", place, EINVAL);
  }
  const std::string opened = "/proc/self/fd/" + std::to_string(fd);
  if (::mount(opened.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0) Fail("mount", place);
  Restrict(place, attributes);
}

void MakeNode(const std::string& place, dev_t device, mode_t mode, uid_t owner) {
  if (::mknod(place.c_str(), S_IFCHR | mode, device) != 0) Fail("mknod", place);
  if (::chmod(place.c_str(), mode) != 0) Fail("chmod", place);
  if (::chown(place.c_str(), owner, owner) != 0) Fail("chown", place);
}

// What liblxc wants to find, or would make: a place to see processes while it sets the zone up, and names below /dev.
void MakeFixtures(const std::string& folder) {
  for (const char* name : {"/dev", "/proc", "/tmp"}) {
    if (::mkdir((folder + name).c_str(), 0755) != 0) Fail("mkdir", folder + name);
  }
  MakeNode(folder + "/dev/null", makedev(1, 3), 0666, 0);
  const std::pair<const char*, const char*> links[] = {
      {"/proc/self/fd", "/dev/fd"}, {"fd/0", "/dev/stdin"}, {"fd/1", "/dev/stdout"}, {"fd/2", "/dev/stderr"}};
  for (const auto& [target, name] : links) {
    if (::symlink(target, (folder + name).c_str()) != 0) Fail("symlink", folder + name);
  }
}

// An emulator has a descriptor for each disk, viewer and queue, and more of its own than most programs.
void AllowDescriptors() {
  struct rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) Fail("getrlimit", "RLIMIT_NOFILE");
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, kDescriptors));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) Fail("setrlimit", "RLIMIT_NOFILE");
}

void CopyName(struct ifreq& request, const std::string& name) {
  if (name.empty() || name.size() >= sizeof request.ifr_name) Fail("ioctl", name, EINVAL);
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
}

}  // namespace

Emulator::Emulator(const std::string& list) {
  std::ifstream file(list);
  if (!file) Fail("open", list, ENOENT);
  for (std::string line; std::getline(file, line);) {
    const std::string word = line.substr(0, line.find('\t'));
    if (word == "bind" || word == "own") {
      const auto fields = Fields(line, 2);
      binds_.push_back({word == "own", fields[0], fields[1]});
    } else if (word == "open") {
      const auto fields = Fields(line, 4);
      files_.push_back({Descriptor(fields[0]), fields[1] == "rw", fields[2], fields[3]});
    } else if (word == "tap") {
      const auto fields = Fields(line, 4);
      taps_.push_back({Descriptor(fields[0]), fields[1], fields[2], static_cast<int>(Number(fields[3], 0, 65535))});
    } else if (word == "device") {
      const auto fields = Fields(line, 2);
      devices_.emplace_back(fields[0], static_cast<uid_t>(Number(fields[1], 1, UINT32_MAX - 1)));
    } else if (word == "argument") {
      arguments_.push_back(Fields(line, 1)[0]);
    } else {
      Fail("read", line, EINVAL);
    }
  }
  if (arguments_.empty()) Fail("read", list, EINVAL);
  arguments_.insert(arguments_.begin(), {kStarter, std::to_string(kMonitor)});
}

void Emulator::Inherit(UniqueFd fd, int number) {
  if (::fcntl(number, F_GETFD) >= 0) Fail("dup", std::to_string(number), EBUSY);
  if (::dup3(fd.get(), number, O_CLOEXEC) < 0) Fail("dup", std::to_string(number));
  inherited_.emplace_back(number);
  if (::fcntl(number, F_SETFD, 0) != 0) Fail("fcntl", std::to_string(number));
}

void Emulator::Open(const std::string& root) {
  AllowDescriptors();
  UniqueFd monitor(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!monitor) Fail("pidfd_open", "self");
  Inherit(std::move(monitor), kMonitor);
  for (const File& each : files_) {
    // A pipe of that name would let nobody go on.
    const int flags = (each.writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY;
    UniqueFd fd = each.base.empty() ? UniqueFd(::open(each.path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC))
                                    : OpenBeneath(each.base, each.path, flags);
    if (!fd) Fail("open", each.path);
    struct stat found = {};
    if (::fstat(fd.get(), &found) != 0) Fail("stat", each.path);
    if (!S_ISREG(found.st_mode) && !S_ISBLK(found.st_mode)) Fail("open", each.path, EINVAL);
    if (::fcntl(fd.get(), F_SETFL, 0) != 0) Fail("fcntl", each.path);
    Inherit(std::move(fd), each.number);
  }
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control) Fail("socket", "AF_INET");
  for (const Tap& each : taps_) {
    UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!fd) Fail("open", "/dev/net/tun");
    struct ifreq request = {};
    CopyName(request, each.name);
    // Nobody else's that has the name already.
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
    if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) Fail("TUNSETIFF", each.name);
    Inherit(std::move(fd), each.number);
    if (each.mtu > 0) {
      request = {};
      CopyName(request, each.name);
      request.ifr_mtu = each.mtu;
      if (::ioctl(control.get(), SIOCSIFMTU, &request) != 0) Fail("SIOCSIFMTU", each.name);
    }
    const unsigned index = ::if_nametoindex(each.name.c_str());
    if (index == 0) Fail("if_nametoindex", each.name);
    request = {};
    CopyName(request, each.bridge);
    request.ifr_ifindex = static_cast<int>(index);
    if (::ioctl(control.get(), SIOCBRADDIF, &request) != 0) Fail("SIOCBRADDIF", each.bridge);
    request = {};
    CopyName(request, each.name);
    request.ifr_flags = IFF_UP;
    if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) Fail("SIOCSIFFLAGS", each.name);
  }
  OpenLog(root);
}

// The zone may put anything into its folder, so a name that cannot be had is no reason not to run.
void Emulator::OpenLog(const std::string& root) const {
  const UniqueFd folder = OpenBeneath(root, "tmp", O_PATH | O_DIRECTORY);
  for (int last = kKeptLogs - 1; last >= 0; --last) {
    const std::string from = last == 0 ? "vm.log" : "vm.log." + std::to_string(last - 1);
    ::renameat(folder.get(), from.c_str(), folder.get(), ("vm.log." + std::to_string(last)).c_str());
  }
  ::unlinkat(folder.get(), "vm.log", 0);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd log(::openat(folder.get(), "vm.log", flags, 0644));
  if (!log) return;
  std::string text;
  for (const std::string& each : arguments_) text += each + "\n";
  const time_t now = ::time(nullptr);
  struct tm parts = {};
  char stamp[32] = "";
  if (::gmtime_r(&now, &parts) != nullptr) std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
  text += std::string("=== OUTPUT (") + stamp + ") ===\n";
  [[maybe_unused]] const ssize_t written = ::write(log.get(), text.data(), text.size());
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
}

void Emulator::MakeRoot(const std::string& root, const std::string& folder, const std::string& temporary,
                        const std::string& starter) const {
  if (::unshare(CLONE_NEWNS) != 0) Fail("unshare", folder);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) Fail("mount", "/");
  for (const std::string& place : {folder, temporary}) {
    if (::mkdir(place.c_str(), 0755) != 0 && errno != EEXIST) Fail("mkdir", place);
  }
  const UniqueFd own = OpenBeneath(root, "tmp", O_PATH | O_DIRECTORY);
  // The emulator is not the owner.
  const std::string opened = "/proc/self/fd/" + std::to_string(own.get());
  if (::chmod(opened.c_str(), 01777) != 0) Fail("chmod", root + "/tmp");
  BindTo(own.get(), temporary, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=1m") != 0) Fail("mount", folder);
  MakeFixtures(folder);
  for (const auto& [path, owner] : devices_) {
    struct stat found = {};
    if (::stat(path.c_str(), &found) != 0 || !S_ISCHR(found.st_mode)) Fail("stat", path);
    MakeParents(folder, path);
    MakeNode(folder + path, found.st_rdev, 0600, owner);
  }
  std::vector<Bind> binds = binds_;
  binds.push_back({false, starter, kStarter});
  for (const Bind& each : binds) {
    UniqueFd fd = each.own ? OpenBeneath(root, each.source, O_PATH)
                           : UniqueFd(::open(each.source.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) Fail("open", each.source);
    MakeParents(folder, each.target);
    BindTo(fd.get(), folder + each.target, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  }
  Restrict(folder, MOUNT_ATTR_RDONLY);
  LetGo({folder, temporary, root});
}

std::vector<char*> Emulator::Arguments() {
  std::vector<char*> argv;
  for (std::string& each : arguments_) argv.push_back(each.data());
  argv.push_back(nullptr);
  return argv;
}

}  // namespace smartadm
