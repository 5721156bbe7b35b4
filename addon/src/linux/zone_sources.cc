#include "linux/zone_sources.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/native_error.h"
#include "core/unique_fd.h"

namespace smartadm {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

struct Source {
  std::string flags;
  std::string base;
  std::string path;
};

std::vector<Source> ReadList(const std::string& list) {
  std::vector<Source> sources;
  std::ifstream file(list);
  Source source;
  while (std::getline(file, source.flags, '\t') && std::getline(file, source.base, '\t') &&
         std::getline(file, source.path)) {
    sources.push_back(source);
  }
  return sources;
}

UniqueFd Open(const Source& source) {
  if (source.base.empty()) {
    UniqueFd fd(::open(source.path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd) Fail("open", source.path);
    return fd;
  }
  const UniqueFd base(::open(source.base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) Fail("open", source.base);
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, base.get(), source.path.c_str(), &how, sizeof how)));
  if (!fd) Fail("open", source.base + "/" + source.path);
  return fd;
}

uint64_t Attributes(const std::string& flags) {
  uint64_t bits = 0;
  std::istringstream words(flags);
  for (std::string word; std::getline(words, word, ',');) {
    if (word == "ro") bits |= MOUNT_ATTR_RDONLY;
    if (word == "nosuid") bits |= MOUNT_ATTR_NOSUID;
    if (word == "nodev") bits |= MOUNT_ATTR_NODEV;
    if (word == "noexec") bits |= MOUNT_ATTR_NOEXEC;
    if (word == "noatime") bits |= MOUNT_ATTR_NOATIME;
  }
  return bits;
}

// Somewhere to mount a file or a directory on. Made before, in another life of the zone, it serves again.
void MakePlace(const std::string& place, bool directory) {
  if (::rmdir(place.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) Fail("rmdir", place);
  if (::unlink(place.c_str()) != 0 && errno != ENOENT) Fail("unlink", place);
  if (directory) {
    if (::mkdir(place.c_str(), 0755) != 0) Fail("mkdir", place);
    return;
  }
  const UniqueFd file(::open(place.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) Fail("open", place);
}

void Bind(const Source& source, const std::string& place) {
  const UniqueFd fd = Open(source);
  struct stat found = {};
  if (::fstat(fd.get(), &found) != 0) Fail("stat", source.path);
  MakePlace(place, S_ISDIR(found.st_mode));
  const std::string opened = "/proc/self/fd/" + std::to_string(fd.get());
  if (::mount(opened.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0) Fail("mount", source.path);
  struct mount_attr change = {};
  change.attr_set = Attributes(source.flags);
  if ((change.attr_set & MOUNT_ATTR_NOATIME) != 0) change.attr_clr = MOUNT_ATTR__ATIME;
  if (::mount_setattr(AT_FDCWD, place.c_str(), AT_SYMLINK_NOFOLLOW, &change, sizeof change) != 0) {
    Fail("mount_setattr", source.path);
  }
}

bool IsBelow(const std::string& path, const std::string& folder) {
  return path == folder || (path.rfind(folder, 0) == 0 && (folder == "/" || path[folder.size()] == '/'));
}

}  // namespace

void LetGo(const std::vector<std::string>& needed) {
  static const char* const kKept[] = {"/proc", "/sys", "/dev", "/run", "/usr", "/lib", "/var/lib/lxcfs"};
  std::vector<std::string> mounted;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string skipped;
    std::string target;
    words >> skipped >> skipped >> skipped >> skipped >> target;
    // Blanks in it are written as \040: such a path is none of ours, and stays.
    if (target.find('\\') == std::string::npos) mounted.push_back(target);
  }
  std::reverse(mounted.begin(), mounted.end());
  for (const std::string& target : mounted) {
    const auto below = [&target](const char* folder) { return IsBelow(target, folder); };
    const auto leads = [&target](const std::string& path) { return IsBelow(path, target) || IsBelow(target, path); };
    if (std::any_of(std::begin(kKept), std::end(kKept), below)) continue;
    if (std::any_of(needed.begin(), needed.end(), leads)) continue;
    ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

void MountSources(const std::string& list, const std::string& folder, const std::string& zonepath) {
  const std::vector<Source> sources = ReadList(list);
  if (sources.empty()) return;
  if (::unshare(CLONE_NEWNS) != 0) Fail("unshare", folder);
  // What the host unmounts later goes away here too, and nothing of ours is seen there.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) Fail("mount", "/");
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) Fail("mkdir", folder);
  for (size_t i = 0; i < sources.size(); ++i) Bind(sources[i], folder + "/" + std::to_string(i));
  LetGo({folder, zonepath});
}

}  // namespace smartadm
