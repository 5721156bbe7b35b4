#include "unix/tree_layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <string_view>
#include <vector>

#include "unix/tree_list.h"
#include "unix/tree_system.h"

namespace smartadm::tree {
namespace {

constexpr int kMostLinks = 40;

// A folder and a name in it, of a path without a slash at its end.
std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool IsDots(std::string_view name) { return name == "." || name == ".."; }

std::string TargetOf(int folder, const std::string& name) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  // Neither missing nor a link: what cannot be a folder on the way.
  if (size < 0) Fail("readlinkat", name, errno == EINVAL ? ENOTDIR : errno);
  if (static_cast<size_t>(size) == target.size()) Fail("readlinkat", name, ENAMETOOLONG);
  return {target.data(), static_cast<size_t>(size)};
}

std::vector<std::string> NamesIn(int folder) {
  // Opened anew, for a position of its own.
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) Fail("openat", ".");
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) {
    ::close(copy);
    Fail("fdopendir", ".");
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    if (!IsDots(entry->d_name)) names.emplace_back(entry->d_name);
  }
  if (errno != 0) Fail("readdir", ".");
  return names;
}

UniqueFd OpenEntry(int folder, const std::string& name) {
  UniqueFd entry(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!entry) Fail("openat", name);
  return entry;
}

// With all that is in it.
void Remove(int folder, const std::string& name, bool is_folder) {
  if (!is_folder) {
    if (::unlinkat(folder, name.c_str(), 0) == 0) return;
    // What it says of folders differs from one system to the other.
    if (errno != EISDIR && errno != EPERM) Fail("unlinkat", name);
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return;
  if (errno != ENOTEMPTY && errno != EEXIST) Fail("unlinkat", name);
  const UniqueFd inner = OpenEntry(folder, name);
  for (const std::string& each : NamesIn(inner.get())) Remove(inner.get(), each, false);
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) Fail("unlinkat", name);
}

struct stat StatusOf(int folder) {
  struct stat status = {};
  if (::fstat(folder, &status) != 0) Fail("fstat", ".");
  return status;
}

// Undefined errno apart from ENOENT is thrown; false means that there is nothing.
bool Find(int folder, const std::string& name, struct stat& status) {
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno != ENOENT) Fail("fstatat", name);
  return false;
}

}  // namespace

UniqueFd Layer::Enter(const std::string& path) {
  UniqueFd folder = Make(path, 0);
  Mark(StatusOf(folder.get()).st_ino);
  return folder;
}

UniqueFd Layer::Make(const std::string& path, int links) {
  UniqueFd found(OpenInRoot(root_, path));
  if (found) return found;
  if (errno != ENOENT || links > kMostLinks) Fail("open", path, errno == ENOENT ? ELOOP : errno);
  const auto [parent, name] = Split(path);
  const UniqueFd folder = Make(parent, links);
  Mark(StatusOf(folder.get()).st_ino);
  if (!name.empty() && !IsDots(name) && ::mkdirat(folder.get(), name.c_str(), 0755) != 0) {
    if (errno != EEXIST) Fail("mkdirat", path);
    // A link to something that is not there yet.
    const std::string target = TargetOf(folder.get(), name);
    return Make(target.starts_with('/') ? target : parent + "/" + target, links + 1);
  }
  UniqueFd made(OpenInRoot(root_, path));
  if (!made) Fail("open", path);
  // Whatever the umask.
  if (!name.empty() && !IsDots(name) && ::fchmod(made.get(), 0755) != 0) Fail("fchmod", path);
  return made;
}

void Layer::Clear(int folder, const std::string& name, bool before_folder) {
  struct stat status = {};
  if (!Find(folder, name, status)) return;
  const bool is_folder = S_ISDIR(status.st_mode);
  if (!is_folder || !before_folder) Remove(folder, name, is_folder);
}

void Layer::MakeFolder(int folder, const std::string& name) {
  if (::mkdirat(folder, name.c_str(), 0700) != 0 && errno != EEXIST) Fail("mkdirat", name);
}

void Layer::Link(const std::string& target, int folder, const std::string& name) {
  const auto [parent, base] = Split(target);
  const UniqueFd from(OpenInRoot(root_, parent));
  if (!from) Fail("open", parent);
  if (base.empty() || IsDots(base)) Fail("linkat", target, EISDIR);
  struct stat status = {};
  if (!Find(from.get(), base, status)) Fail("linkat", target, ENOENT);
  if (S_ISDIR(status.st_mode)) Fail("linkat", target, EISDIR);
  // A name for itself is there already.
  struct stat present = {};
  if (Find(folder, name, present)) {
    if (present.st_ino == status.st_ino) return;
    Remove(folder, name, S_ISDIR(present.st_mode));
    // The target may have been in it.
    if (!Find(from.get(), base, status)) Fail("linkat", target, ENOENT);
  }
  if (::linkat(from.get(), base.c_str(), folder, name.c_str(), 0) != 0) Fail("linkat", name);
  if (!own_.contains(status.st_ino)) names_.emplace(StatusOf(folder).st_ino, name);
}

void Layer::Whiteout(int folder, const std::string& name) {
  struct stat status = {};
  if (!Find(folder, name, status)) return;
  const bool is_folder = S_ISDIR(status.st_mode);
  if (own_.contains(status.st_ino)) {
    if (is_folder) Empty(OpenEntry(folder, name).get());
    return;
  }
  if (!names_.empty() && names_.contains({StatusOf(folder).st_ino, name})) return;
  Remove(folder, name, is_folder);
}

void Layer::Empty(int folder) {
  for (const std::string& name : NamesIn(folder)) Whiteout(folder, name);
}

void Layer::SetFolderTimes(const std::string& path, const std::array<timespec, 2>& times) const {
  const UniqueFd folder(OpenInRoot(root_, path, false));
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
    Fail("open", path);
  }
  if (::futimens(folder.get(), times.data()) != 0) Fail("futimens", path);
}

}  // namespace smartadm::tree
