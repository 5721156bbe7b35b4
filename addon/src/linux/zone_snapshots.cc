#include "linux/zone_snapshots.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "core/native_error.h"
#include "core/unique_fd.h"
#include "unix/rootfs.h"

namespace smartadm {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

UniqueFd OpenFolder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) Fail("open", path);
  return fd;
}

// Without asking a file system that a guest may serve itself.
struct statx Identify(int fd, const std::string& subject) {
  struct statx found = {};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &found) != 0) Fail("statx", subject);
  return found;
}

bool IsSame(const struct statx& a, const struct statx& b) {
  return a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

// The user namespace of a zone's process.
UniqueFd OpenUsers(int process, pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  UniqueFd users(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!users) Fail("open", path, errno == ENOENT ? ESRCH : errno);
  // While the process lives, nobody else has its number.
  if (::syscall(SYS_pidfd_send_signal, process, 0, nullptr, 0) != 0) Fail("pidfd_send_signal", std::to_string(pid));
  struct stat theirs = {};
  struct stat ours = {};
  if (::fstat(users.get(), &theirs) != 0 || ::stat("/proc/self/ns/user", &ours) != 0) Fail("stat", path);
  if (theirs.st_ino == ours.st_ino) Fail("find the zone of", std::to_string(pid), ESRCH);
  return users;
}

// A mount of `source` that nobody sees yet: what is mounted in it is seen nowhere else, and owners are as in the zone.
UniqueFd Detached(const std::string& source, int users) {
  const UniqueFd folder = OpenFolder(source);
  UniqueFd tree(::open_tree(folder.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (!tree) Fail("open_tree", source);
  struct mount_attr change = {};
  change.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP;
  change.propagation = MS_PRIVATE;
  change.userns_fd = static_cast<uint64_t>(users);
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0) Fail("mount_setattr", source);
  return tree;
}

}  // namespace

void ShowSnapshot(pid_t pid, const std::string& root, const std::string& name, const std::string& source) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) Fail("pidfd_open", std::to_string(pid));
  const UniqueFd users = OpenUsers(process.get(), pid);
  const std::string place = "checkpoints/" + name;
  // From here, where nothing that the guest has mounted is in the way, and as the zone's root.
  rootfs::MakeDirectory(root, place, 0755);
  const UniqueFd tree = Detached(source, users.get());
  const struct statx wanted = Identify(OpenFolder(root).get(), root);
  // Threads share it unless told otherwise, and one that shares it may not change its namespace.
  if (::unshare(CLONE_FS) != 0) Fail("unshare", root);
  if (::setns(process.get(), CLONE_NEWNS) != 0) Fail("setns", std::to_string(pid));
  const UniqueFd inside(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inside) Fail("open", "/");
  // A guest may have mounted over its root; the rest of the way stays on what is known to be ours.
  if (!IsSame(Identify(inside.get(), root), wanted)) Fail("mount", root + "/" + place, EXDEV);
  struct open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const UniqueFd target(static_cast<int>(::syscall(SYS_openat2, inside.get(), place.c_str(), &how, sizeof how)));
  if (!target) Fail("open", root + "/" + place);
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(tree.get(), "", target.get(), "", kFlags) != 0) Fail("move_mount", root + "/" + place);
}

void ShowSnapshots(pid_t pid, const std::string& root, const std::string& list, int host) {
  std::ifstream file(list);
  std::string name;
  std::string source;
  while (std::getline(file, name, '\t') && std::getline(file, source)) {
    if (::setns(host, CLONE_NEWNS) != 0) return;
    try {
      ShowSnapshot(pid, root, name, source);
    } catch (const NativeError&) {
      // Removed meanwhile, or the guest has something else there: no reason not to run.
    }
  }
}

}  // namespace smartadm
