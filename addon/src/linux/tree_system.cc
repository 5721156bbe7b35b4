#include "unix/tree_system.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>
#include <vector>

#include "unix/tree_list.h"

namespace smartadm::tree {
namespace {

int OpenResolved(int root, const std::string& path, uint64_t flags, uint64_t resolve) {
  open_how how = {};
  how.flags = flags | O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  for (;;) {
    const int fd = static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how));
    // EAGAIN: something was renamed elsewhere meanwhile.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return fd;
  }
}

// The last component is not followed by the l… calls, so an entry that is a link is meant itself.
std::string ProcPath(int folder, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(folder) + (name.empty() ? "/." : "/" + name);
}

bool IsContentAttribute(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("system.posix_acl_") ||
         (name.starts_with("security.") && name != "security.selinux");
}

}  // namespace

int OpenBeneath(int root, const std::string& path) {
  return OpenResolved(root, path, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int OpenInRoot(int root, const std::string& path, bool follows_last) {
  return OpenResolved(root, path, follows_last ? 0 : O_NOFOLLOW, RESOLVE_IN_ROOT);
}

void PunchHole(int file, off_t offset, off_t size) {
  if (::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) != 0) {
    Fail("fallocate", std::to_string(offset));
  }
}

void MoveToFree(int from, const std::string& old_name, int to, const std::string& new_name) {
  if (::renameat2(from, old_name.c_str(), to, new_name.c_str(), RENAME_NOREPLACE) != 0) Fail("renameat2", new_name);
}

int SetAttribute(int folder, const std::string& name, const std::string& key, Bytes value) {
  return ::lsetxattr(ProcPath(folder, name).c_str(), key.c_str(), value.data(), value.size(), 0) == 0 ? 0 : errno;
}

void ClearAttributes(int folder, const std::string& name) {
  const std::string path = ProcPath(folder, name);
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0) {
    if (errno == EOPNOTSUPP) return;
    Fail("llistxattr", name);
  }
  std::string_view rest(names.data(), static_cast<size_t>(size));
  while (!rest.empty()) {
    // Each ends with a zero byte.
    const std::string_view key = rest.substr(0, rest.find('\0'));
    if (IsContentAttribute(key) && ::lremovexattr(path.c_str(), key.data()) != 0 && errno != ENODATA) {
      Fail("lremovexattr", name + " " + std::string(key));
    }
    rest.remove_prefix(std::min(rest.size(), key.size() + 1));
  }
}

void ForgetInheritance(int folder) { ::fremovexattr(folder, "system.posix_acl_default"); }

}  // namespace smartadm::tree
