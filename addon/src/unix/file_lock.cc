#include "unix/file_lock.h"

#include <fcntl.h>

#include <cerrno>

#include "core/native_error.h"

namespace smartadm::posix {

FileLock::~FileLock() {
  // A child between fork and exec may share the description: closing alone would not end the lock.
  if (!file_) return;
  struct flock lock = {};
  lock.l_type = F_UNLCK;
  ::fcntl(file_.get(), F_OFD_SETLK, &lock);
}

std::optional<FileLock> LockFile(const std::string& path, uint32_t mode, bool wait) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, static_cast<mode_t>(mode)));
  if (!file) throw NativeError("libc", "open", errno, path);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  while (::fcntl(file.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    if (!wait && (errno == EAGAIN || errno == EACCES)) return std::nullopt;
    throw NativeError("libc", "fcntl(F_OFD_SETLK)", errno, path);
  }
  return FileLock(std::move(file));
}

}  // namespace smartadm::posix
