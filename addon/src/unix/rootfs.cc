#include "unix/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/native_error.h"
#include "core/unique_fd.h"

namespace smartadm::rootfs {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

std::string Named(const std::string& root, const std::string& path) { return root + "/" + path; }

// A directory, never by a symbolic link; nothing, and why in errno, where there is none.
UniqueFd OpenFolder(int folder, const std::string& name) {
  UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd || errno != ENOTDIR) return fd;
  struct stat found = {};
  const bool is_link = ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode);
  errno = is_link ? ELOOP : ENOTDIR;
  return fd;
}

UniqueFd OpenRoot(const std::string& root) {
  UniqueFd fd = OpenFolder(AT_FDCWD, root);
  if (!fd) Fail("open", root);
  return fd;
}

// The directories on the way, one after the other: no name among them leads up, and no link is followed.
std::vector<std::string> PartsOf(const std::string& path, const std::string& subject) {
  std::vector<std::string> parts;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string part = path.substr(start, end - start);
    start = end + 1;
    if (part == "..") Fail("open", subject, EXDEV);
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return parts;
}

// The directory that holds `path`, and the last part of it.
struct Place {
  UniqueFd folder;
  std::string name;
};

// Without a folder when one on the way is missing, and errno ENOENT then.
Place Locate(const std::string& root, const std::string& path) {
  const size_t slash = path.rfind('/');
  Place place = {OpenRoot(root), path.substr(slash == std::string::npos ? 0 : slash + 1)};
  if (place.name.empty() || place.name == "." || place.name == "..") Fail("open", Named(root, path), EINVAL);
  if (slash == std::string::npos) return place;
  for (const std::string& part : PartsOf(path.substr(0, slash), Named(root, path))) {
    place.folder = OpenFolder(place.folder.get(), part);
    if (place.folder) continue;
    if (errno != ENOENT) Fail("open", Named(root, path));
    break;
  }
  return place;
}

// Takes a half-written file away again unless it got its name.
class Draft {
 public:
  Draft(int folder, const std::string& name) : folder_(folder), name_("." + name + ".new") {
    ::unlinkat(folder_, name_.c_str(), 0);
    fd_.reset(::openat(folder_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  }
  ~Draft() {
    if (fd_) ::unlinkat(folder_, name_.c_str(), 0);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  bool Write(const std::vector<uint8_t>& data, mode_t mode) {
    if (!fd_) return false;
    for (size_t at = 0; at < data.size();) {
      const ssize_t size = ::write(fd_.get(), data.data() + at, data.size() - at);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return false;
      at += static_cast<size_t>(size);
    }
    return ::fchmod(fd_.get(), mode) == 0;
  }

  bool Rename(const std::string& name) {
    if (::renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) return false;
    fd_.reset();
    return true;
  }

 private:
  int folder_;
  std::string name_;
  UniqueFd fd_;
};

}  // namespace

Kind KindOf(const std::string& root, const std::string& path) {
  const Place place = Locate(root, path);
  if (!place.folder) return Kind::kMissing;
  struct stat found = {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Kind::kMissing;
    Fail("stat", Named(root, path));
  }
  if (S_ISREG(found.st_mode)) return Kind::kFile;
  if (S_ISDIR(found.st_mode)) return Kind::kDirectory;
  return S_ISLNK(found.st_mode) ? Kind::kSymlink : Kind::kOther;
}

std::optional<std::vector<uint8_t>> ReadFile(const std::string& root, const std::string& path, uint64_t limit) {
  const Place place = Locate(root, path);
  if (!place.folder) return std::nullopt;
  // Opening a FIFO or a device by this flag does not wait for anybody.
  const UniqueFd file(
      ::openat(place.folder.get(), place.name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    Fail("open", Named(root, path), errno == ENXIO ? EINVAL : errno);
  }
  struct stat found = {};
  if (::fstat(file.get(), &found) != 0) Fail("stat", Named(root, path));
  if (!S_ISREG(found.st_mode)) Fail("read", Named(root, path), S_ISDIR(found.st_mode) ? EISDIR : EINVAL);
  std::vector<uint8_t> data;
  for (;;) {
    constexpr size_t kPiece = 65536;
    const size_t before = data.size();
    data.resize(before + kPiece);
    const ssize_t size = ::read(file.get(), data.data() + before, kPiece);
    if (size < 0 && errno != EINTR) Fail("read", Named(root, path));
    data.resize(before + static_cast<size_t>(size < 0 ? 0 : size));
    if (data.size() > limit) Fail("read", Named(root, path), EFBIG);
    if (size == 0) return data;
  }
}

void WriteFile(const std::string& root, const std::string& path, const std::vector<uint8_t>& data, mode_t mode) {
  const Place place = Locate(root, path);
  if (!place.folder) Fail("open", Named(root, path));
  Draft draft(place.folder.get(), place.name);
  if (!draft.Write(data, mode)) Fail("write", Named(root, path));
  if (!draft.Rename(place.name)) Fail("rename", Named(root, path));
}

void MakeDirectory(const std::string& root, const std::string& path, mode_t mode) {
  UniqueFd folder = OpenRoot(root);
  for (size_t start = 0; start < path.size();) {
    const size_t slash = path.find('/', start);
    const size_t end = slash == std::string::npos ? path.size() : slash;
    const std::string name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") Fail("mkdir", Named(root, path), EINVAL);
    const bool made = ::mkdirat(folder.get(), name.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) Fail("mkdir", Named(root, path));
    UniqueFd next = OpenFolder(folder.get(), name);
    if (!next) Fail("open", Named(root, path));
    // Regardless of the umask; those on the way get what directories usually have.
    if (made && ::fchmod(next.get(), start >= path.size() ? mode : 0755) != 0) Fail("chmod", Named(root, path));
    folder = std::move(next);
  }
}

void RemoveDirectory(const std::string& root, const std::string& path) {
  const Place place = Locate(root, path);
  if (!place.folder) return;
  if (::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
  Fail("rmdir", Named(root, path));
}

}  // namespace smartadm::rootfs
