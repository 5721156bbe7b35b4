// Trees by what POSIX has: names are resolved part by part.
#include "unix/tree_system.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include "unix/tree_list.h"

namespace smartadm::tree {
namespace {

constexpr int kMostLinks = 40;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::deque<std::string> PartsOf(const std::string& path) {
  std::deque<std::string> parts;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    std::string part = path.substr(start, end - start);
    start = end + 1;
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  return parts;
}

// What a process with its root at `root` does to find a folder.
class Way {
 public:
  explicit Way(int root) : root_(root) {}

  // Whether the folder has been found; otherwise errno says why not.
  bool Go(std::deque<std::string> parts, bool follows_last) {
    for (int links = 0; !parts.empty();) {
      const std::string part = std::move(parts.front());
      parts.pop_front();
      if (part == "..") {
        // Nothing is above the root.
        if (!folders_.empty()) folders_.pop_back();
        continue;
      }
      if (Step(part)) continue;
      if (errno != ELOOP) return false;
      std::array<char, PATH_MAX> target;
      const ssize_t size = ::readlinkat(Here(), part.c_str(), target.data(), target.size());
      if (size < 0) return false;
      if (static_cast<size_t>(size) == target.size()) {
        errno = ENAMETOOLONG;
        return false;
      }
      if (++links > kMostLinks || (parts.empty() && !follows_last)) {
        errno = ELOOP;
        return false;
      }
      const std::string next(target.data(), static_cast<size_t>(size));
      if (next.starts_with('/')) folders_.clear();
      const std::deque<std::string> before = PartsOf(next);
      parts.insert(parts.begin(), before.begin(), before.end());
    }
    return true;
  }

  // One folder more; otherwise errno is ENOTDIR, ELOOP for a link, EXDEV on another filesystem, …
  bool Step(const std::string& part) {
    struct stat here = {}, there = {};
    UniqueFd folder(::openat(Here(), part.c_str(), kFolderFlags));
    if (!folder && errno == ENOTDIR) {
      // Systems differ in which of the two they say of a link.
      const int found = ::fstatat(Here(), part.c_str(), &there, AT_SYMLINK_NOFOLLOW);
      errno = found == 0 && S_ISLNK(there.st_mode) ? ELOOP : ENOTDIR;
    }
    if (!folder) return false;
    if (::fstat(root_, &here) != 0 || ::fstat(folder.get(), &there) != 0) return false;
    if (here.st_dev != there.st_dev) {
      errno = EXDEV;
      return false;
    }
    folders_.push_back(std::move(folder));
    return true;
  }

  int Take() { return folders_.empty() ? ::openat(root_, ".", kFolderFlags) : folders_.back().release(); }
  int Here() const { return folders_.empty() ? root_ : folders_.back().get(); }

 private:
  int root_;
  // From the root down.
  std::vector<UniqueFd> folders_;
};

}  // namespace

int OpenBeneath(int root, const std::string& path) {
  Way way(root);
  for (const std::string& part : PartsOf(path)) {
    if (part == "..") errno = EXDEV;
    if (part == ".." || !way.Step(part)) return -1;
  }
  return way.Take();
}

int OpenInRoot(int root, const std::string& path, bool follows_last) {
  Way way(root);
  return way.Go(PartsOf(path), follows_last) ? way.Take() : -1;
}

void PunchHole(int file, off_t offset, off_t size) {
  struct stat status = {};
  if (::fstat(file, &status) != 0) Fail("fstat", "content");
  static const std::array<uint8_t, 65536> kZeros = {};
  // ZFS makes holes of them where it compresses.
  for (const off_t end = std::min(offset + size, status.st_size); offset < end;) {
    const size_t piece = std::min(kZeros.size(), static_cast<size_t>(end - offset));
    const ssize_t written = ::pwrite(file, kZeros.data(), piece, offset);
    if (written < 0 && errno != EINTR) Fail("pwrite", std::to_string(offset));
    if (written > 0) offset += written;
  }
}

void MoveToFree(int from, const std::string& old_name, int to, const std::string& new_name) {
  struct stat status = {};
  // Nobody else makes names here.
  if (::fstatat(to, new_name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) Fail("renameat", new_name, EEXIST);
  if (::renameat(from, old_name.c_str(), to, new_name.c_str()) != 0) Fail("renameat", new_name);
}

// Those of Linux mean nothing here, capabilities and access lists least of all.
int SetAttribute(int, const std::string&, const std::string&, Bytes) { return EOPNOTSUPP; }
void ClearAttributes(int, const std::string&) {}

void ForgetInheritance(int) {}

}  // namespace smartadm::tree
