#include "linux/subvolumes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <utility>

#include "core/owned.h"
#include "core/unique_fd.h"
#include "linux/btrfs_calls.h"

namespace smartadm::btrfs {
namespace {

// An entry of a folder that is held open, so that nobody can put another in its place.
struct Entry {
  explicit Entry(const std::string& path) {
    const size_t end = path.find_last_not_of('/');
    const size_t slash = end == std::string::npos ? end : path.rfind('/', end);
    if (slash == std::string::npos) Fail("openat2", path, EINVAL);
    name = path.substr(slash + 1, end - slash);
    if (name == "." || name == "..") Fail("openat2", path, EINVAL);
    folder = OpenFolder(slash == 0 ? "/" : path.substr(0, slash));
  }
  std::string Path() const { return PathOf(folder) + "/" + name; }

  UniqueFd folder;
  std::string name;
};

void RenameEntry(const std::string& from, const std::string& to, unsigned flags) {
  const Entry source(from);
  const Entry target(to);
  if (::renameat2(source.folder.get(), source.name.c_str(), target.folder.get(), target.name.c_str(), flags) != 0) {
    Fail("renameat2", from + " to " + to);
  }
}

// The attribute that btrfs keeps as the property `compression` of a file or folder; new entries of a folder inherit it.
constexpr const char* kCompression = "btrfs.compression";

void SetCompressionOf(const UniqueFd& file, const std::string& method) {
  const std::string path = PathOf(file);
  const int status = method.empty() ? ::removexattr(path.c_str(), kCompression)
                                    : ::setxattr(path.c_str(), kCompression, method.data(), method.size(), 0);
  if (status != 0 && errno != ENODATA) Fail("setxattr", kCompression);
}

// Depth is bounded by that of the tree, which a path of PATH_MAX cannot name any more: each level costs a descriptor.
void SetCompressionBelow(UniqueFd folder, dev_t device, const std::string& method, int levels) {
  SetCompressionOf(folder, method);
  if (levels == 0) return;
  const Owned<DIR, ::closedir> entries(::fdopendir(folder.get()));
  if (!entries) Fail("fdopendir", "a folder");
  // The stream has it now.
  const int parent = folder.release();
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_REG)) continue;
    // Whatever is there by now: opened as a path only, nothing happens to a device or pipe.
    UniqueFd child(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status = {};
    if (!child || ::fstat(child.get(), &status) != 0 || status.st_dev != device) continue;
    if (S_ISREG(status.st_mode)) SetCompressionOf(child, method);
    if (!S_ISDIR(status.st_mode)) continue;
    UniqueFd open(::openat(child.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (open) SetCompressionBelow(std::move(open), device, method, levels - 1);
  }
}

}  // namespace

void CreateSubvolume(const std::string& path) {
  const Entry entry(path);
  Check(btrfs_util_create_subvolume_fd(entry.folder.get(), entry.name.c_str(), 0, nullptr, nullptr),
        "btrfs_util_create_subvolume", path);
}

void SnapshotSubvolume(const std::string& source, const std::string& path) {
  const UniqueFd from = OpenFolder(source);
  Check(btrfs_util_create_snapshot_fd(from.get(), Entry(path).Path().c_str(), 0, nullptr, nullptr),
        "btrfs_util_create_snapshot", source + " to " + path);
}

void DeleteSubvolume(const std::string& path) {
  const Entry entry(path);
  Check(btrfs_util_delete_subvolume_fd(entry.folder.get(), entry.name.c_str(), BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE),
        "btrfs_util_delete_subvolume", path);
}

void SetReadOnly(const std::string& path, bool read_only) {
  Check(btrfs_util_set_subvolume_read_only_fd(OpenFolder(path).get(), read_only), "btrfs_util_set_subvolume_read_only",
        path);
}

void Rename(const std::string& from, const std::string& to) { RenameEntry(from, to, RENAME_NOREPLACE); }

void RemoveFolder(const std::string& path) {
  const Entry entry(path);
  struct stat status = {};
  if (::fstatat(entry.folder.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    Fail("fstatat", path);
  }
  // rmdir(2) takes an empty subvolume too.
  if (status.st_ino == BTRFS_FIRST_FREE_OBJECTID) Fail("unlinkat", path, EEXIST);
  if (::unlinkat(entry.folder.get(), entry.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) Fail("unlinkat", path);
}

void Exchange(const std::string& first, const std::string& second) { RenameEntry(first, second, RENAME_EXCHANGE); }

void SetCompression(const std::string& path, const std::string& method) {
  UniqueFd folder = OpenFolder(path);
  struct stat status = {};
  if (::fstat(folder.get(), &status) != 0) Fail("fstat", path);
  constexpr int kLevels = 256;
  SetCompressionBelow(std::move(folder), status.st_dev, method, kLevels);
}

void SetAttribute(const std::string& path, const std::string& name, const std::string& value) {
  const UniqueFd folder = OpenFolder(path);
  if (value.empty()) {
    if (::fremovexattr(folder.get(), name.c_str()) != 0 && errno != ENODATA) Fail("fremovexattr", path);
    return;
  }
  if (::fsetxattr(folder.get(), name.c_str(), value.data(), value.size(), 0) != 0) Fail("fsetxattr", path);
}

void Sync(const std::string& top) { Check(btrfs_util_sync_fd(OpenFolder(top).get()), "btrfs_util_sync", top); }

}  // namespace smartadm::btrfs
