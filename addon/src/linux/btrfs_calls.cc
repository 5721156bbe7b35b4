#include "linux/btrfs_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>

#include "core/native_error.h"

namespace smartadm::btrfs {

void Fail(const char* operation, const std::string& subject, int error) {
  throw NativeError("btrfs", operation, error, subject);
}

// libbtrfsutil sets errno with each of its codes, except for its own three findings.
void Check(btrfs_util_error result, const char* operation, const std::string& subject) {
  switch (result) {
    case BTRFS_UTIL_OK:
      return;
    case BTRFS_UTIL_ERROR_NOT_BTRFS:
      throw NativeError("libbtrfsutil", operation, "NOT_BTRFS", EINVAL, subject + " is not on a btrfs filesystem");
    case BTRFS_UTIL_ERROR_NOT_SUBVOLUME:
      throw NativeError("libbtrfsutil", operation, "NOT_SUBVOLUME", EINVAL, subject + " is not a subvolume");
    default:
      throw NativeError("libbtrfsutil", operation, errno, subject);
  }
}

UniqueFd TryOpenFolder(const std::string& path) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

UniqueFd OpenFolder(const std::string& path) {
  UniqueFd fd = TryOpenFolder(path);
  if (!fd) Fail("openat2", path);
  return fd;
}

std::string PathOf(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

bool Search::Call(struct btrfs_ioctl_search_key& key) {
  for (;;) {
    auto* args = new (buffer_.data()) btrfs_ioctl_search_args_v2();
    args->key = key;
    args->buf_size = buffer_.size() - sizeof *args;
    if (::ioctl(top_, BTRFS_IOC_TREE_SEARCH_V2, args) == 0) {
      key = args->key;
      return true;
    }
    if (errno == ENOENT) return false;
    // The first item alone is longer than the buffer; none is longer than a node.
    constexpr size_t kLongest = 128 * 1024;
    const size_t needed = sizeof *args + args->buf_size;
    if (errno != EOVERFLOW || needed <= buffer_.size() || needed > kLongest) Fail("BTRFS_IOC_TREE_SEARCH_V2", subject_);
    buffer_.resize(needed);
  }
}

}  // namespace smartadm::btrfs
