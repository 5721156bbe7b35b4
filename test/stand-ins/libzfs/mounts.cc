// Mounts: the files of a dataset move to its mountpoint and back.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "library.h"

namespace standin {
namespace {

bool IsEmpty(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return errno == ENOENT;
  bool is_empty = true;
  while (const dirent* entry = ::readdir(folder)) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) is_empty = false;
  }
  ::closedir(folder);
  return is_empty;
}

}  // namespace

bool IsMountable(const State& state, const Dataset& dataset) {
  if (dataset.is_volume) return false;
  const std::string where = MountpointOf(state, dataset);
  if (where == "none" || where == "legacy") return false;
  const auto canmount = ReadSet(state, dataset, "canmount", false);
  if (canmount && canmount->value == "off") return false;
  const auto zoned = ReadSet(state, dataset, "zoned", true);
  return !zoned || zoned->value != "on";
}

int Mount(const std::string& name, bool overlay) {
  return Change([&](State& state) {
    Dataset* dataset = state.Find(name);
    if (dataset == nullptr) return ENOENT;
    if (!dataset->mounted_at.empty()) return EBUSY;
    const std::string where = MountpointOf(state, *dataset);
    const std::string path = Root() + where;
    if (!IsEmpty(path)) {
      if (overlay) Die("mounting over files is not possible here: " + where);
      return ENOTEMPTY;
    }
    MakeFolders(path);
    ::rmdir(path.c_str());
    if (::rename(DataPath(dataset->id).c_str(), path.c_str()) != 0) return errno;
    dataset->mounted_at = where;
    Note("mount " + name + ' ' + where);
    return 0;
  });
}

int Unmount(const std::string& name) {
  return Change([&](State& state) {
    Dataset* dataset = state.Find(name);
    if (dataset == nullptr) return ENOENT;
    if (dataset->mounted_at.empty()) return 0;
    for (const auto& [each, other] : state.datasets) {
      if (other.mounted_at.starts_with(dataset->mounted_at + "/")) return EBUSY;
    }
    const std::string path = LivePath(*dataset);
    if (::rename(path.c_str(), DataPath(dataset->id).c_str()) != 0) return errno;
    MakeFolders(path);
    dataset->mounted_at.clear();
    Note("unmount " + name);
    return 0;
  });
}

void RemoveMountpoint(const std::string& path) { ::rmdir((Root() + path).c_str()); }

}  // namespace standin

using standin::Call;

extern "C" {

boolean_t zfs_is_mounted(zfs_handle_t* handle, char** where) {
  const Call call(handle, "zfs_is_mounted");
  const auto state = standin::Look();
  const standin::Dataset* dataset = state->Find(handle->name);
  if (dataset == nullptr || dataset->mounted_at.empty()) return B_FALSE;
  if (where != nullptr) *where = ::strdup(dataset->mounted_at.c_str());
  return B_TRUE;
}

int zfs_mount(zfs_handle_t* handle, const char*, int flags) {
  Call call(handle, "zfs_mount");
  const std::string action = "cannot mount '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  {
    const auto state = standin::Look();
    const standin::Dataset* dataset = state->Find(handle->name);
    if (dataset == nullptr) return standin::ErrnoError(handle->library, ENOENT, action);
    if (!standin::IsMountable(*state, *dataset)) return 0;
  }
  const int error = standin::Mount(handle->name, (flags & MS_OVERLAY) != 0);
  if (error == 0) return 0;
  const std::string why = error == ENOTEMPTY ? "directory is not empty"
                          : error == EBUSY   ? "mountpoint or dataset is busy"
                                             : std::strerror(error);
  return standin::Error(handle->library, EZFS_MOUNTFAILED, action, why);
}

int zfs_unmount(zfs_handle_t* handle, const char*, int) {
  Call call(handle, "zfs_unmount");
  const std::string action = "cannot unmount '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  const int error = standin::Unmount(handle->name);
  if (error == 0) return 0;
  return standin::Error(handle->library, EZFS_UMOUNTFAILED, action, std::strerror(error));
}

}  // extern "C"
