// Makes, moves, mounts and removes datasets.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "illumos/zfs_session.h"

namespace smartadm::zfs {
namespace {

bool IsWithin(const std::string& name, const std::string& root) {
  return name.compare(0, root.size(), root) == 0 && (name.size() == root.size() || name[root.size()] == '/');
}

void Unmount(Session& session, const Dataset& dataset, bool force) {
  if (Lib().zfs_get_type(dataset.get()) != ZFS_TYPE_FILESYSTEM) return;
  const Attempt attempt(session, "zfs_unmount", NameOf(dataset));
  attempt.Check(Lib().zfs_unmount(dataset.get(), nullptr, force ? MS_FORCE : 0));
}

// What zfs(8) does with a new dataset. One that cannot be mounted is taken away again.
void MountNew(Session& session, const std::string& name) {
  const Dataset dataset = Open(session, name, kDatasets);
  if (Lib().zfs_get_type(dataset.get()) != ZFS_TYPE_FILESYSTEM) return;
  if (Lib().zfs_prop_get_int(dataset.get(), ZFS_PROP_CANMOUNT) != ZFS_CANMOUNT_ON) return;
  const Attempt attempt(session, "zfs_mount", name);
  try {
    attempt.Check(Lib().zfs_mount(dataset.get(), nullptr, 0));
  } catch (...) {
    Lib().zfs_destroy(dataset.get(), B_FALSE);
    throw;
  }
}

void MakeParents(Session& session, const std::string& name) {
  const Attempt attempt(session, "zfs_create_ancestors", name);
  attempt.Check(Lib().zfs_create_ancestors(session.handle(), name.c_str()));
}

// `8K` as a number. The library says only that it is none, so that what it said last would be told again.
uint64_t BytesOf(Session& session, const std::string& name, const char* property, const std::string& text) {
  uint64_t bytes = 0;
  if (Lib().zfs_nicestrtonum(session.handle(), text.c_str(), &bytes) == 0) return bytes;
  Refuse("zfs_create", name, EZFS_BADPROP, std::string("bad numeric value '") + text + "' for " + property);
}

// Room for all that a new volume may hold, in place of `auto`, which zfs_create does not know.
void ReserveByItself(Session& session, const std::string& name, Settings& settings) {
  const auto reservation = settings.find("refreservation");
  if (reservation == settings.end() || reservation->second != "auto") return;
  const auto size = settings.find("volsize"), block = settings.find("volblocksize"), copies = settings.find("copies");
  if (size == settings.end()) Refuse("zfs_create", name, EZFS_BADPROP, "missing volume size");
  const uint64_t bytes = BytesOf(session, name, "volsize", size->second);
  // What it takes to hold a block counts; it is looked for as a number, and copies as text.
  const List shape = NewList();
  if (copies != settings.end()) Add(shape, "copies", copies->second);
  if (block != settings.end()) Add(shape, "volblocksize", BytesOf(session, name, "volblocksize", block->second));
  const Dataset pool = Open(session, name.substr(0, name.find('/')), kDatasets);
  zpool_handle_t* handle = Lib().zfs_get_pool_handle(pool.get());
  reservation->second = std::to_string(Lib().zvol_volsize_to_reservation(handle, bytes, shape.get()));
}

std::vector<Dataset> DependentsOf(Session& session, const Dataset& dataset) {
  const Attempt attempt(session, "zfs_iter_dependents", NameOf(dataset));
  std::vector<Dataset> dependents;
  attempt.Check(Lib().zfs_iter_dependents(dataset.get(), B_FALSE, CollectDataset, &dependents));
  // A clone of a snapshot beside it comes by both ways; what matters is the first.
  std::set<std::string> seen;
  std::erase_if(dependents, [&](const Dataset& each) { return !seen.insert(NameOf(each)).second; });
  return dependents;
}

std::vector<std::string> SnapshotsAfter(Session& session, const Dataset& dataset, const std::string& snapshot) {
  const Attempt attempt(session, "zfs_iter_snapshots_sorted", NameOf(dataset));
  std::vector<Dataset> snapshots;
#ifdef SMARTADM_OPENZFS
  attempt.Check(Lib().zfs_iter_snapshots_sorted(dataset.get(), CollectDataset, &snapshots, 0, 0));
#else
  attempt.Check(Lib().zfs_iter_snapshots_sorted(dataset.get(), CollectDataset, &snapshots));
#endif
  std::vector<std::string> after;
  bool is_after = false;
  for (const Dataset& each : snapshots) {
    if (is_after) after.push_back(NameOf(each));
    is_after = is_after || NameOf(each) == snapshot;
  }
  return after;
}

}  // namespace

void Session::Create(const std::string& name, Type type, Settings settings, const Making& making) {
  RequireBelowPool("zfs_create", name, kDatasets);
  if (type == Type::kVolume) ReserveByItself(*this, name, settings);
  if (making.parents) MakeParents(*this, name);
  const zfs::List list = ToList(settings);
  const Attempt attempt(*this, "zfs_create", name);
  attempt.Check(Lib().zfs_create(handle_, name.c_str(), ToLibrary(type), list.get()));
  if (making.mount) MountNew(*this, name);
}

void Session::Clone(const std::string& snapshot, const std::string& target, const Settings& settings,
                    const Making& making) {
  RequireBelowPool("zfs_clone", target, kDatasets);
  // The library asserts that it is one.
  const Dataset origin = Open(*this, snapshot, ZFS_TYPE_SNAPSHOT);
  if (making.parents) MakeParents(*this, target);
  const zfs::List list = ToList(settings);
  const Attempt attempt(*this, "zfs_clone", target);
  attempt.Check(Lib().zfs_clone(origin.get(), target.c_str(), list.get()));
  if (making.mount) MountNew(*this, target);
}

std::vector<std::string> Session::Dependents(const std::string& name) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_DATASET);
  std::vector<std::string> names;
  for (const Dataset& each : DependentsOf(*this, dataset)) names.push_back(NameOf(each));
  return names;
}

void Session::Destroy(const std::string& name, bool recursive, bool force) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_DATASET);
  const bool is_snapshot = Lib().zfs_get_type(dataset.get()) == ZFS_TYPE_SNAPSHOT;
  if (!is_snapshot) RequireBelowPool("zfs_destroy", name, kDatasets);
  const std::vector<Dataset> dependents = DependentsOf(*this, dataset);
  for (const Dataset& each : dependents) {
    const std::string below = NameOf(each);
    if (!recursive || is_snapshot || !IsWithin(WithoutSnapshot(below), name)) {
      Refuse("zfs_destroy", name, EZFS_EXISTS, "it has " + below);
    }
    const bool has_holds = Lib().zfs_get_type(each.get()) == ZFS_TYPE_SNAPSHOT &&
                           Lib().zfs_prop_get_int(each.get(), ZFS_PROP_USERREFS) != 0;
    if (has_holds) Refuse("zfs_destroy", name, EZFS_BUSY, below + " has holds");
  }
  const auto destroy = [&](const Dataset& each) {
    zfs::Unmount(*this, each, force);
    const Attempt attempt(*this, "zfs_destroy", NameOf(each));
    attempt.Check(Lib().zfs_destroy(each.get(), B_FALSE));
  };
  for (const Dataset& each : dependents) destroy(each);
  destroy(dataset);
}

void Session::Rollback(const std::string& snapshot, bool destroy_newer) {
  const Dataset target = Open(*this, snapshot, ZFS_TYPE_SNAPSHOT);
  const Dataset dataset = Open(*this, WithoutSnapshot(snapshot), kDatasets);
  // zfs_rollback would take clones of newer snapshots along.
  const std::vector<std::string> newer = SnapshotsAfter(*this, dataset, snapshot);
  if (!newer.empty()) {
    if (!destroy_newer) throw NativeError("zfs", "zfs_rollback", EEXIST, newer.front());
    DestroySnapshots(newer, false);
  }
  const Attempt attempt(*this, "zfs_rollback", snapshot);
  attempt.Check(Lib().zfs_rollback(dataset.get(), target.get(), B_FALSE));
}

void Session::Rename(const std::string& from, const std::string& to, bool recursive, bool force) {
  const Dataset dataset = Open(*this, from, ZFS_TYPE_DATASET);
  const bool is_snapshot = Lib().zfs_get_type(dataset.get()) == ZFS_TYPE_SNAPSHOT;
  if (is_snapshot) {
    RequireName("zfs_rename", to, ZFS_TYPE_SNAPSHOT);
    if (WithoutSnapshot(from) != WithoutSnapshot(to)) {
      Refuse("zfs_rename", to, EZFS_CROSSTARGET, "snapshots must be part of same dataset");
    }
  } else {
    // The library asserts that there is a parent.
    RequireBelowPool("zfs_rename", to, kDatasets);
    RequireBelowPool("zfs_rename", from, kDatasets);
    if (recursive) Refuse("zfs_rename", from, EZFS_BADTYPE, "only snapshots are renamed with those below");
  }
  const Attempt attempt(*this, "zfs_rename", from);
#ifdef SMARTADM_OPENZFS
  renameflags_t flags = {};
  flags.recursive = recursive ? 1 : 0;
  flags.forceunmount = force ? 1 : 0;
  attempt.Check(Lib().zfs_rename(dataset.get(), to.c_str(), flags));
#else
  attempt.Check(Lib().zfs_rename(dataset.get(), to.c_str(), ToBoolean(recursive), ToBoolean(force)));
#endif
}

void Session::Promote(const std::string& name) {
  const Dataset dataset = Open(*this, name, kDatasets);
  const Attempt attempt(*this, "zfs_promote", name);
  attempt.Check(Lib().zfs_promote(dataset.get()));
}

bool Session::Mount(const std::string& name, const std::optional<std::string>& options, bool overlay) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_FILESYSTEM);
  if (Lib().zfs_is_mounted(dataset.get(), nullptr) != B_FALSE) return true;
  const Attempt attempt(*this, "zfs_mount", name);
  attempt.Check(Lib().zfs_mount(dataset.get(), options ? options->c_str() : nullptr, overlay ? MS_OVERLAY : 0));
  return Lib().zfs_is_mounted(dataset.get(), nullptr) != B_FALSE;
}

void Session::Unmount(const std::string& name, bool force) {
  zfs::Unmount(*this, Open(*this, name, ZFS_TYPE_FILESYSTEM), force);
}

std::optional<std::string> Session::MountedAt(const std::string& name) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_FILESYSTEM);
  char* where = nullptr;
  if (Lib().zfs_is_mounted(dataset.get(), &where) == B_FALSE) return std::nullopt;
  const std::unique_ptr<char, decltype(&std::free)> owned(where, std::free);
  return std::string(where);
}

}  // namespace smartadm::zfs
