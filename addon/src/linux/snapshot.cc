#include "linux/snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "core/native_error.h"

namespace smartadm::snapshot {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

int OpenBeneath(int folder, const char* path, uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  for (;;) {
    const int fd = static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
    // EAGAIN: something was renamed elsewhere meanwhile. EPERM: only owners may leave the time of access alone.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR && (errno != EPERM || (how.flags & O_NOATIME) == 0))) return fd;
    if (errno == EPERM) how.flags &= ~uint64_t{O_NOATIME};
  }
}

// Packs fields: little endian, unaligned.
class Packed {
 public:
  template <typename T>
  void Number(T value) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }

  // Behind its length, which is a number of type T.
  template <typename T>
  void Block(const void* data, size_t size) {
    Number(static_cast<T>(size));
    const auto* bytes = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }

  void Time(const statx_timestamp& time) {
    Number(int64_t{time.tv_sec});
    Number(uint32_t{time.tv_nsec});
  }

  template <typename T>
  void Replace(size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }

  // Room for `size` bytes at the end.
  std::span<uint8_t> Extend(size_t size) {
    bytes_.resize(bytes_.size() + size);
    return std::span(bytes_).last(size);
  }

  void Shrink(size_t size) { bytes_.resize(size); }

  size_t Size() const { return bytes_.size(); }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

// Attributes that belong to the content of a file, not to the machine or pool it lies on.
bool IsContentAttribute(std::string_view name) {
  return name.starts_with("user.") || (name.starts_with("trusted.") && !name.starts_with("trusted.smartadm.")) ||
         name.starts_with("system.posix_acl_") || (name.starts_with("security.") && name != "security.selinux");
}

void PackAttributes(Packed& packed, const std::string& path, const std::string& subject) {
  const size_t count_at = packed.Size();
  packed.Number(uint16_t{0});
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno != EOPNOTSUPP) Fail("llistxattr", subject);
  std::string_view rest(names.data(), static_cast<size_t>(size < 0 ? 0 : size));
  uint16_t count = 0;
  std::vector<char> value(XATTR_SIZE_MAX);
  while (!rest.empty()) {
    // Each ends with a zero byte.
    const std::string key(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    if (!IsContentAttribute(key)) continue;
    const ssize_t length = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    if (length < 0) Fail("lgetxattr", subject + " " + key);
    packed.Block<uint16_t>(key.data(), key.size());
    packed.Block<uint32_t>(value.data(), static_cast<size_t>(length));
    count += 1;
  }
  packed.Replace(count_at, count);
}

void Status(int folder, const std::string& name, struct statx& status, const std::string& subject) {
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::statx(folder, name.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) Fail("statx", subject);
}

// Bytes that were read, fewer than asked for at the end of the file only.
size_t ReadAll(int fd, std::span<uint8_t> buffer, uint64_t offset, const std::string& subject) {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t some = ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) Fail("pread", subject);
    if (some == 0) break;
    done += static_cast<size_t>(some);
  }
  return done;
}

std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

uint64_t DeviceOf(const struct statx& status) { return uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor; }

// btrfs shows a subvolume that a snapshot leaves out as an empty folder of this number; its own begin at 256.
constexpr uint64_t kLeftOutInode = 2;
constexpr uint64_t kBtrfsRootInode = 256;

}  // namespace

Snapshot::Snapshot(const std::string& path) : root_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) {
  if (!root_) Fail("open", path);
  struct statx status = {};
  Status(root_.get(), "", status, path);
  device_ = DeviceOf(status);
  is_btrfs_ = status.stx_ino == kBtrfsRootInode;
}

// The folder that `path` lies in.
int Snapshot::FolderOf(const std::string& path) {
  const std::string folder = Split(path).first;
  if (folder.empty()) return root_.get();
  if (!folder_ || folder != folder_path_) {
    folder_ = UniqueFd(OpenBeneath(root_.get(), folder.c_str(), O_PATH | O_DIRECTORY));
    if (!folder_) Fail("openat2", folder);
    folder_path_ = folder;
  }
  return folder_.get();
}

std::vector<uint8_t> Snapshot::List(const std::string& folder) {
  const std::lock_guard lock(running_);
  UniqueFd opened(OpenBeneath(root_.get(), folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOATIME));
  if (!opened) Fail("openat2", folder);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened.get()), ::closedir);
  if (!entries) Fail("fdopendir", folder);
  const int fd = opened.release();
  Packed packed;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct statx status = {};
    Status(fd, name, status, folder + "/" + name);
    if (DeviceOf(status) != device_ || (is_btrfs_ && status.stx_ino == kLeftOutInode)) continue;
    packed.Block<uint16_t>(name.data(), name.size());
    packed.Number(uint32_t{status.stx_mode});
    packed.Number(status.stx_nlink);
    packed.Number(uint64_t{status.stx_ino});
    packed.Number(uint64_t{status.stx_size});
    packed.Number(int64_t{status.stx_ctime.tv_sec} * 1'000'000'000 + status.stx_ctime.tv_nsec);
  }
  if (errno != 0) Fail("readdir", folder);
  return packed.Take();
}

std::vector<uint8_t> Snapshot::Describe(Bytes paths, uint64_t content_size, uint64_t enough) {
  const std::lock_guard lock(running_);
  Packed packed;
  while (!paths.empty() && packed.Size() < enough) {
    uint16_t length = 0;
    if (paths.size() < sizeof length) Fail("describe", "list of paths", EINVAL);
    std::memcpy(&length, paths.data(), sizeof length);
    paths = paths.subspan(sizeof length);
    if (paths.size() < length) Fail("describe", "list of paths", EINVAL);
    const std::string path(reinterpret_cast<const char*>(paths.data()), length);
    paths = paths.subspan(length);
    const int folder = FolderOf(path);
    const std::string name = Split(path).second;
    const size_t start = packed.Size();
    packed.Number(uint32_t{0});
    struct statx status = {};
    Status(folder, name, status, path);
    packed.Number(uint32_t{status.stx_mode});
    packed.Number(status.stx_uid);
    packed.Number(status.stx_gid);
    packed.Number(status.stx_nlink);
    packed.Number(uint64_t{status.stx_ino});
    packed.Number(uint64_t{status.stx_size});
    packed.Number(status.stx_rdev_major);
    packed.Number(status.stx_rdev_minor);
    packed.Time(status.stx_atime);
    packed.Time(status.stx_mtime);
    packed.Time(status.stx_ctime);
    packed.Time(status.stx_btime);
    char target[PATH_MAX] = {};
    ssize_t target_size = 0;
    if (S_ISLNK(status.stx_mode)) {
      target_size = ::readlinkat(folder, name.c_str(), target, sizeof target);
      if (target_size < 0) Fail("readlinkat", path);
    }
    packed.Block<uint16_t>(target, static_cast<size_t>(target_size));
    PackAttributes(packed, "/proc/self/fd/" + std::to_string(folder) + (name.empty() ? "/." : "/" + name), path);
    if (S_ISREG(status.stx_mode) && status.stx_size <= content_size && status.stx_size > 0) {
      UniqueFd file(OpenBeneath(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME));
      if (!file) Fail("openat2", path);
      const size_t before = packed.Size();
      const size_t done = ReadAll(file.get(), packed.Extend(status.stx_size), 0, path);
      packed.Shrink(before + done);
    }
    packed.Replace(start, static_cast<uint32_t>(packed.Size() - start - sizeof(uint32_t)));
  }
  return packed.Take();
}

Found Snapshot::Read(const std::string& path, uint64_t offset, uint64_t block, std::span<uint8_t> buffer) {
  const std::lock_guard lock(running_);
  if (!path.empty() && (!file_ || path != file_path_)) {
    file_ = UniqueFd(OpenBeneath(root_.get(), path.c_str(), O_RDONLY | O_NONBLOCK | O_NOATIME));
    if (!file_) Fail("openat2", path);
    file_path_ = path;
  }
  const int fd = path.empty() ? root_.get() : file_.get();
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    if (errno == ENXIO) return {offset, 0};
    Fail("lseek", path);
  }
  const uint64_t at = std::max(offset, static_cast<uint64_t>(data) / block * block);
  return {at, ReadAll(fd, buffer, at, path)};
}

}  // namespace smartadm::snapshot
