// What libzfs does before and after the kernel changes something.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "library.h"

namespace standin {
namespace {

// Sets the error for what the kernel said of a property: -1.
int PropertyError(libzfs_handle_t* library, int error, const std::string& action, const std::string& property) {
  if (error == ENOSPC && property.ends_with("quota")) {
    return Error(library, EZFS_PROPSPACE, action, "size is less than current used or reserved space");
  }
  if (error == ENOSPC) return Error(library, EZFS_PROPSPACE, action, "size is greater than available space");
  if (error == EINVAL) return Error(library, EZFS_BADPROP, action);
  return ErrnoError(library, error, action);
}

// Unmounts datasets of a tree, the deepest first, and mounts them again as they then are to be.
class Remounting {
 public:
  int Begin(const std::string& root) {
    const auto state = Look();
    for (const auto& [name, dataset] : state->datasets) {
      if (IsWithin(name, root) && !dataset.mounted_at.empty()) mounted_.emplace_back(name, dataset.mounted_at);
    }
    std::sort(mounted_.begin(), mounted_.end(),
              [](const auto& one, const auto& other) { return one.second > other.second; });
    for (size_t i = 0; i < mounted_.size(); ++i) {
      const int error = Unmount(mounted_[i].first);
      if (error != 0) {
        mounted_.resize(i);
        End("", "");
        return error;
      }
    }
    return 0;
  }

  // They have been renamed meanwhile, unless `to` is empty.
  void End(const std::string& from, const std::string& to) {
    const bool is_new = !to.empty();
    if (is_new) {
      for (const auto& [name, where] : mounted_) RemoveMountpoint(where);
    }
    std::reverse(mounted_.begin(), mounted_.end());
    for (const auto& [name, where] : mounted_) {
      const std::string now = is_new ? to + name.substr(from.size()) : name;
      const auto state = Look();
      const Dataset* dataset = state->Find(now);
      if (dataset != nullptr && IsMountable(*state, *dataset)) Mount(now, false);
    }
  }

 private:
  std::vector<std::pair<std::string, std::string>> mounted_;
};

int SetVolsize(const Dataset& dataset, Values& values) {
  const auto size = values.find("volsize");
  if (size == values.end() || values.contains("refreservation")) return 0;
  const uint64_t before = NumberOf(dataset.properties, "volsize");
  // A reservation that is the volume's own grows with it.
  const uint64_t own = ReservationOf(before, BlockSize(dataset), 1);
  if (NumberOf(dataset.properties, "refreservation") != own) return 0;
  values["refreservation"] = std::to_string(ReservationOf(NumberOf(values, "volsize"), BlockSize(dataset), 1));
  return 0;
}

int Set(zfs_handle_t* handle, nvlist_t* list, const std::string& action) {
  Values values;
  if (Normalize(handle->library, handle->type, list, false, action, values) != 0) return -1;
  if (values.empty()) return 0;
  const auto state = Look();
  const auto [dataset, snapshot] = state->FindSnapshot(handle->name);
  if (dataset == nullptr) return ErrnoError(handle->library, ENOENT, action);
  if (snapshot == nullptr) {
    const uint64_t volsize =
        values.contains("volsize") ? NumberOf(values, "volsize") : NumberOf(dataset->properties, "volsize");
    const auto reservation = values.find("refreservation");
    if (reservation != values.end() && reservation->second == "auto") {
      reservation->second = std::to_string(ReservationOf(volsize, BlockSize(*dataset), 1));
    }
    SetVolsize(*dataset, values);
    if (values.contains("volsize") && volsize % BlockSize(*dataset) != 0) {
      return Error(handle->library, EZFS_BADPROP, action, "'volsize' must be a multiple of volume block size");
    }
  }
  std::map<std::string, std::optional<std::string>> changes;
  for (const auto& [name, value] : values) changes[name] = value;
  Remounting remounting;
  const bool moves = values.contains("mountpoint");
  if (moves && remounting.Begin(handle->name) != 0) return ErrnoError(handle->library, EBUSY, action);
  const int error = SetProperties(handle->name, changes);
  if (moves) remounting.End(handle->name, error == 0 ? handle->name : "");
  return error == 0 ? 0 : PropertyError(handle->library, error, action, values.begin()->first);
}

// What must be so for a new dataset: -1 when the error is set.
int CheckParent(libzfs_handle_t* library, const std::string& name, const std::string& action) {
  const auto state = Look();
  const Dataset* parent = state->Find(ParentOf(name));
  if (ParentOf(name).empty()) return Error(library, EZFS_INVALIDNAME, action, "missing dataset name");
  if (parent == nullptr) return Error(library, EZFS_NOENT, action, "parent does not exist");
  if (parent->is_volume) return Error(library, EZFS_WRONG_PARENT, action, "parent is not a filesystem");
  if (state->Find(name) != nullptr) return Error(library, EZFS_EXISTS, action, "dataset already exists");
  return 0;
}

}  // namespace
}  // namespace standin

using standin::Call;
using standin::Values;

extern "C" {

int zfs_create(libzfs_handle_t* library, const char* name, zfs_type_t type, nvlist_t* list) {
  Call call(library, "zfs_create");
  const std::string action = "cannot create '" + std::string(name) + "'";
  if (call.Fault(action) != 0) return -1;
  if (type != ZFS_TYPE_FILESYSTEM && type != ZFS_TYPE_VOLUME) standin::Die("zfs_create of neither kind");
  const std::string problem = standin::NameProblem(name, type);
  if (!problem.empty()) return standin::Error(library, EZFS_INVALIDNAME, action, problem);
  if (standin::CheckParent(library, name, action) != 0) return -1;
  Values values;
  if (standin::Normalize(library, type, list, true, action, values) != 0) return -1;
  if (type == ZFS_TYPE_VOLUME) {
    if (values.contains("refreservation") && values["refreservation"] == "auto") {
      return standin::Error(library, EZFS_BADPROP, action, "'refreservation' must not be 'auto'");
    }
    if (!values.contains("volsize")) {
      return standin::Error(library, EZFS_BADPROP, action, "missing volume size");
    }
    const uint64_t block = values.contains("volblocksize") ? standin::NumberOf(values, "volblocksize") : 8192;
    if (standin::NumberOf(values, "volsize") % block != 0) {
      return standin::Error(library, EZFS_BADPROP, action, "volume size must be a multiple of volume block size");
    }
  }
  const int error = standin::Create(name, type == ZFS_TYPE_VOLUME, values);
  return error == 0 ? 0 : standin::ErrnoError(library, error, action);
}

int zfs_create_ancestors(libzfs_handle_t* library, const char* name) {
  Call call(library, "zfs_create_ancestors");
  const std::string action = "cannot create '" + std::string(name) + "'";
  if (call.Fault(action) != 0) return -1;
  std::vector<std::string> missing;
  const auto state = standin::Look();
  std::string parent = standin::ParentOf(name);
  for (; !parent.empty() && state->Find(parent) == nullptr; parent = standin::ParentOf(parent)) {
    missing.insert(missing.begin(), parent);
  }
  if (parent.empty()) return standin::Error(library, EZFS_NOENT, action, "no such pool");
  for (const std::string& each : missing) {
    if (zfs_create(library, each.c_str(), ZFS_TYPE_FILESYSTEM, nullptr) != 0) return -1;
    const auto now = standin::Look();
    if (standin::IsMountable(*now, *now->Find(each)) && standin::Mount(each, false) != 0) {
      return standin::Error(library, EZFS_MOUNTFAILED, "cannot mount '" + each + "'", "directory is not empty");
    }
  }
  return 0;
}

int zfs_clone(zfs_handle_t* handle, const char* target, nvlist_t* list) {
  Call call(handle, "zfs_clone");
  if (handle->type != ZFS_TYPE_SNAPSHOT) standin::Die("zfs_clone: assertion failed: it is no snapshot");
  const std::string action = "cannot create '" + std::string(target) + "'";
  if (call.Fault(action) != 0) return -1;
  const std::string problem = standin::NameProblem(target, ZFS_TYPE_FILESYSTEM);
  if (!problem.empty()) return standin::Error(handle->library, EZFS_INVALIDNAME, action, problem);
  if (standin::CheckParent(handle->library, target, action) != 0) return -1;
  const auto state = standin::Look();
  const auto [dataset, snapshot] = state->FindSnapshot(handle->name);
  if (snapshot == nullptr) return standin::ErrnoError(handle->library, ENOENT, action);
  Values values;
  if (standin::Normalize(handle->library, standin::TypeOf(*dataset), list, true, action, values) != 0) return -1;
  if (standin::PoolOf(target) != standin::PoolOf(handle->name)) {
    return standin::Error(handle->library, EZFS_CROSSTARGET, action, "source and target pools differ");
  }
  const auto reservation = values.find("refreservation");
  if (reservation != values.end() && reservation->second == "auto") {
    const Values& shape = values.contains("volsize") ? values : snapshot->properties;
    const uint64_t block = standin::NumberOf(snapshot->properties, "volblocksize");
    reservation->second =
        std::to_string(standin::ReservationOf(standin::NumberOf(shape, "volsize"), block == 0 ? 8192 : block, 1));
  }
  const int error = standin::Clone(target, handle->name, values);
  return error == 0 ? 0 : standin::ErrnoError(handle->library, error, action);
}

int zfs_destroy(zfs_handle_t* handle, boolean_t defer) {
  Call call(handle, "zfs_destroy");
  const std::string action = "cannot destroy '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  if (!standin::IsSnapshot(handle)) {
    if (defer != B_FALSE) return EINVAL;
    std::string where;
    {
      const auto state = standin::Look();
      const standin::Dataset* dataset = state->Find(handle->name);
      if (dataset == nullptr) return 0;
      if (!dataset->is_volume) where = standin::MountpointOf(*state, *dataset);
    }
    const int error = standin::Destroy(handle->name);
    if (error != 0) return standin::ErrnoError(handle->library, error, action);
    if (where.starts_with('/')) standin::RemoveMountpoint(where);
    return 0;
  }
  std::map<std::string, int> errors;
  const int error = standin::DestroySnapshots({handle->name}, defer != B_FALSE, errors);
  if (error == EEXIST) return standin::Error(handle->library, EZFS_EXISTS, action, "snapshot has dependent clones");
  return error == 0 ? 0 : standin::ErrnoError(handle->library, error, action);
}

int zfs_rename(zfs_handle_t* handle, const char* target, boolean_t recursive, boolean_t) {
  Call call(handle, "zfs_rename");
  const std::string action = "cannot rename to '" + std::string(target) + "'";
  if (call.Fault(action) != 0) return -1;
  const auto error = [&](int code, const std::string& detail) {
    return standin::Error(handle->library, code, action, detail);
  };
  if (standin::IsSnapshot(handle)) {
    const std::string short_name = standin::Split(target).second;
    if (standin::Split(target).first != standin::Split(handle->name).first) {
      return error(EZFS_CROSSTARGET, "snapshots must be part of same dataset");
    }
    const int failed = standin::Rename(handle->name, target, recursive != B_FALSE);
    return failed == 0 ? 0 : standin::ErrnoError(handle->library, failed, action);
  }
  if (recursive != B_FALSE) return error(EZFS_BADTYPE, "recursive rename must be a snapshot");
  if (std::strchr(target, '/') == nullptr) standin::Die("zfs_rename: assertion failed: the target has no parent");
  const std::string problem = standin::NameProblem(target, handle->type);
  if (!problem.empty()) return error(EZFS_INVALIDNAME, problem);
  if (standin::CheckParent(handle->library, target, action) != 0) return -1;
  if (standin::PoolOf(target) != standin::PoolOf(handle->name)) {
    return error(EZFS_CROSSTARGET, "datasets must be within same pool");
  }
  if (standin::IsWithin(target, handle->name)) {
    return error(EZFS_INVALIDNAME, "New dataset name cannot be a descendant of current dataset name");
  }
  const auto zoned = standin::ReadSet(*standin::Look(), *standin::Look()->Find(handle->name), "zoned", true);
  if (zoned && zoned->value == "on") return error(EZFS_ZONED, "dataset is used in a non-global zone");
  standin::Remounting remounting;
  const int busy = remounting.Begin(handle->name);
  if (busy != 0) return standin::ErrnoError(handle->library, busy, action);
  const int failed = standin::Rename(handle->name, target, false);
  remounting.End(handle->name, failed == 0 ? target : "");
  return failed == 0 ? 0 : standin::ErrnoError(handle->library, failed, action);
}

int zfs_promote(zfs_handle_t* handle) {
  Call call(handle, "zfs_promote");
  const std::string action = "cannot promote '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  if (standin::IsSnapshot(handle)) {
    return standin::Error(handle->library, EZFS_BADTYPE, action, "snapshots can not be promoted");
  }
  std::string conflict;
  const int error = standin::Promote(handle->name, conflict);
  if (error == 0) return 0;
  if (error == EINVAL) return standin::Error(handle->library, EZFS_BADTYPE, action, "not a cloned filesystem");
  if (error != EEXIST) return standin::ErrnoError(handle->library, error, action);
  // The real one gives the errno when it has told of the conflict.
  standin::Error(handle->library, EZFS_EXISTS, action, "conflicting snapshot '" + conflict + "'");
  return EEXIST;
}

int zfs_rollback(zfs_handle_t* handle, zfs_handle_t* snapshot, boolean_t) {
  Call call(handle, "zfs_rollback");
  const std::string action = "cannot rollback '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  const int error = standin::RollBack(handle->name, snapshot->name);
  if (error == EEXIST) standin::Die("zfs_rollback would destroy newer snapshots and their clones");
  return error == 0 ? 0 : standin::ErrnoError(handle->library, error, action);
}

int zfs_snapshot_nvl(libzfs_handle_t* library, nvlist_t* names, nvlist_t* properties) {
  Call call(library, "zfs_snapshot_nvl");
  const std::string action = "cannot create snapshots";
  if (call.Fault(action) != 0) return -1;
  nvpair_t* first = nvlist_next_nvpair(names, nullptr);
  if (first == nullptr) standin::Die("zfs_snapshot_nvl: bad access: the list is empty");
  if (standin::Look()->Find(standin::PoolOf(nvpair_name(first))) == nullptr) {
    standin::Die("zfs_snapshot_nvl: bad access: there is no such pool");
  }
  nvlist_t* errors = nullptr;
  const int error = lzc_snapshot(names, properties, &errors);
  nvlist_free(errors);
  return error == 0 ? 0 : standin::ErrnoError(library, error, action);
}

int zfs_prop_set_list(zfs_handle_t* handle, nvlist_t* list) {
  Call call(handle, "zfs_prop_set_list");
  const std::string action = "cannot set property for '" + handle->name + "'";
  return call.Fault(action) != 0 ? -1 : standin::Set(handle, list, action);
}

int zfs_prop_inherit(zfs_handle_t* handle, const char* name, boolean_t received) {
  Call call(handle, "zfs_prop_inherit");
  const std::string action = "cannot inherit " + std::string(name) + " for '" + handle->name + "'";
  if (call.Fault(action) != 0) return -1;
  const bool is_user = std::strchr(name, ':') != nullptr;
  const standin::PropertyRow* row = standin::RowOf(standin::NumberOf(name));
  if (!is_user) {
    if (row == nullptr) return standin::Error(handle->library, EZFS_BADPROP, action, "invalid property");
    if (row->read_only) return standin::Error(handle->library, EZFS_PROPREADONLY, action);
    if (!row->inheritable && received == B_FALSE) return standin::Error(handle->library, EZFS_PROPNONINHERIT, action);
    if (!standin::Matches(row->types, handle->type)) return standin::Error(handle->library, EZFS_PROPTYPE, action);
  }
  standin::Remounting remounting;
  const bool moves = std::strcmp(name, "mountpoint") == 0;
  if (moves && remounting.Begin(handle->name) != 0) return standin::ErrnoError(handle->library, EBUSY, action);
  const int error = standin::SetProperties(handle->name, {{is_user ? name : row->name, std::nullopt}});
  if (moves) remounting.End(handle->name, error == 0 ? handle->name : "");
  return error == 0 ? 0 : standin::ErrnoError(handle->library, error, action);
}

}  // extern "C"
