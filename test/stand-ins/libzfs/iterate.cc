// Walks over datasets and pools, and streams into datasets.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "library.h"

namespace standin {
namespace {

// A dataset that vanishes meanwhile is left out. Callbacks own their handles.
int Give(libzfs_handle_t* library, const std::string& name, zfs_type_t type, zfs_iter_f visit, void* data) {
  const auto state = Look();
  const auto [dataset, snapshot] = state->FindSnapshot(name);
  if (dataset == nullptr || (type == ZFS_TYPE_SNAPSHOT && snapshot == nullptr)) return 0;
  return visit(NewHandle(library, name, type), data);
}

int Dependents(libzfs_handle_t* library, const std::string& name, zfs_iter_f visit, void* data) {
  const auto state = Look();
  const auto with = [&](const std::string& each) {
    const int result = Dependents(library, each, visit, data);
    if (result != 0) return result;
    return Give(library, each, TypeOf(*state->Find(each)), visit, data);
  };
  const auto clones = [&](const Snapshot& snapshot) {
    for (const std::string& clone : state->ClonesOf(snapshot.id)) {
      const int result = with(clone);
      if (result != 0) return result;
    }
    return 0;
  };
  const auto [dataset, snapshot] = state->FindSnapshot(name);
  if (snapshot != nullptr) return clones(*snapshot);
  for (const std::string& child : state->ChildrenOf(name)) {
    const int result = with(child);
    if (result != 0) return result;
  }
  for (const Snapshot& each : dataset->snapshots) {
    int result = clones(each);
    if (result == 0) result = Give(library, name + "@" + each.name, ZFS_TYPE_SNAPSHOT, visit, data);
    if (result != 0) return result;
  }
  return 0;
}

std::string SnapshotNameOf(const std::string& target, const Begin& begin) {
  const std::string given = Split(target).second;
  return given.empty() ? begin.snapshot : given;
}

int Receive(libzfs_handle_t* library, const std::string& target, nvlist_t* list, const recvflags_t& flags, int fd) {
  const std::string action = "cannot receive";
  const auto [name, given] = Split(target);
  static std::atomic<int> count = 0;
  const std::string file = ZfsPath("spool-" + std::to_string(::getpid()) + '-' + std::to_string(++count));
  struct Removed {
    const std::string& path;
    ~Removed() { ::unlink(path.c_str()); }
  } const removed{file};
  Begin begin;
  const int spooled = Spool(fd, file, begin);
  if (begin.is_resumed) {
    const int joined = JoinPartial(name, file, begin);
    if (joined == EINVAL) return Error(library, EZFS_BADSTREAM, action);
    if (joined != 0) return ErrnoError(library, joined, action);
  }
  if (spooled == ENODATA && flags.resumable != B_FALSE && begin.first != 0) {
    const int kept = KeepPartial(name, file, begin);
    if (kept != 0) return ErrnoError(library, kept, action);
    return Error(library, EZFS_BADSTREAM, action, "incomplete stream\nPartially received snapshot is saved");
  }
  if (spooled == ENODATA) return Error(library, EZFS_BADSTREAM, action, "incomplete stream");
  if (spooled == ECKSUM) return Error(library, EZFS_BADSTREAM, action, "invalid stream (checksum mismatch)");
  if (spooled != 0) return Error(library, EZFS_BADSTREAM, action, "invalid stream (bad magic number)");
  const auto where = action + (begin.from == 0 ? " new filesystem stream" : " incremental stream");
  std::string origin;
  Values values;
  if (list != nullptr) {
    char* text = nullptr;
    if (nvlist_lookup_string(list, "origin", &text) == 0) origin = text;
    nvlist_remove_all(list, "origin");
    const zfs_type_t type = begin.is_volume ? ZFS_TYPE_VOLUME : ZFS_TYPE_FILESYSTEM;
    if (Normalize(library, type, list, true, where, values) != 0) return -1;
  }
  if (begin.is_resumed) DropPartial(name);
  const auto state = Look();
  const Dataset* there = state->Find(name);
  if (there != nullptr && begin.from != 0 && state->FindPartial(name) != nullptr) {
    return Error(library, EZFS_BUSY, where, "destination contains partially-complete state");
  }
  if (there == nullptr && state->Find(ParentOf(name)) == nullptr) {
    return Error(library, EZFS_NOENT, where, "destination '" + name + "' does not exist");
  }
  if (there == nullptr && begin.from != 0 && origin.empty()) {
    return Error(library, EZFS_NOENT, where, "destination '" + name + "' does not exist");
  }
  if (there != nullptr && begin.from == 0 && flags.force == B_FALSE) {
    return Error(library, EZFS_EXISTS, where, "destination '" + name + "' exists\nmust specify -F to overwrite it");
  }
  const bool is_new = there == nullptr;
  const int error =
      ReceiveFile(name, SnapshotNameOf(target, begin), file, begin, origin, flags.force != B_FALSE, values);
  switch (error) {
    case 0:
      break;
    case ENODEV:
      return Error(library, EZFS_BADRESTORE, where,
                   "most recent snapshot of " + name + " does not\nmatch incremental source");
    case ETXTBSY:
      return Error(library, EZFS_BADRESTORE, where, "destination has been modified\nsince most recent snapshot");
    case EEXIST:
      return Error(library, EZFS_EXISTS, where, "destination already exists");
    case EINVAL:
    case ECKSUM:
      return Error(library, EZFS_BADSTREAM, where);
    default:
      return ErrnoError(library, error, where);
  }
  if (flags.nomount != B_FALSE || begin.is_volume || !is_new) return 0;
  const auto now = Look();
  if (!IsMountable(*now, *now->Find(name))) return 0;
  const int mounted = Mount(name, false);
  if (mounted == 0) return 0;
  return Error(library, EZFS_MOUNTFAILED, "cannot mount '" + name + "'", std::strerror(mounted));
}

}  // namespace
}  // namespace standin

using standin::Call;

extern "C" {

int zfs_iter_root(libzfs_handle_t* library, zfs_iter_f visit, void* data) {
  Call call(library, "zfs_iter_root");
  if (call.Fault("cannot iterate filesystems") != 0) return -1;
  const auto state = standin::Look();
  for (const auto& [name, bytes] : state->pools) {
    const int result = standin::Give(library, name, ZFS_TYPE_FILESYSTEM, visit, data);
    if (result != 0) return result;
  }
  return 0;
}

int zfs_iter_filesystems(zfs_handle_t* handle, zfs_iter_f visit, void* data) {
  Call call(handle, "zfs_iter_filesystems");
  if (call.Fault("cannot iterate filesystems") != 0) return -1;
  const auto state = standin::Look();
  // The kernel has them in no order that means anything.
  std::vector<std::string> children = state->ChildrenOf(handle->name);
  for (auto name = children.rbegin(); name != children.rend(); ++name) {
    const zfs_type_t type = standin::TypeOf(*state->Find(*name));
    const int result = standin::Give(handle->library, *name, type, visit, data);
    if (result != 0) return result;
  }
  return 0;
}

int zfs_iter_snapshots_sorted(zfs_handle_t* handle, zfs_iter_f visit, void* data) {
  Call call(handle, "zfs_iter_snapshots_sorted");
  if (call.Fault("cannot iterate filesystems") != 0) return -1;
  const auto state = standin::Look();
  const standin::Dataset* dataset = state->Find(handle->name);
  if (dataset == nullptr) return 0;
  for (const standin::Snapshot& each : dataset->snapshots) {
    const std::string name = handle->name + "@" + each.name;
    const int result = standin::Give(handle->library, name, ZFS_TYPE_SNAPSHOT, visit, data);
    if (result != 0) return result;
  }
  return 0;
}

int zfs_iter_bookmarks(zfs_handle_t* handle, zfs_iter_f visit, void* data) {
  Call call(handle, "zfs_iter_bookmarks");
  if (call.Fault("cannot iterate bookmarks") != 0) return -1;
  const auto state = standin::Look();
  const standin::Dataset* dataset = state->Find(handle->name);
  if (dataset == nullptr) return 0;
  for (const standin::Snapshot& each : dataset->bookmarks) {
    const std::string name = handle->name + '#' + each.name;
    const int result = visit(standin::NewHandle(handle->library, name, ZFS_TYPE_BOOKMARK), data);
    if (result != 0) return result;
  }
  return 0;
}

nvlist_t* zfs_send_resume_token_to_nvlist(libzfs_handle_t* library, const char* token) {
  const Call call(library, "zfs_send_resume_token_to_nvlist");
  const standin::Values values = standin::ReadToken(token);
  if (values.empty()) return nullptr;
  nvlist_t* list = fnvlist_alloc();
  for (const auto& [name, value] : values) {
    if (name == "toname") {
      fnvlist_add_string(list, name.c_str(), value.c_str());
    } else {
      fnvlist_add_uint64(list, name.c_str(), std::stoull(value));
    }
  }
  return list;
}

int zfs_iter_dependents(zfs_handle_t* handle, boolean_t, zfs_iter_f visit, void* data) {
  Call call(handle, "zfs_iter_dependents");
  if (call.Fault("cannot determine dependent datasets") != 0) return -1;
  return standin::Dependents(handle->library, handle->name, visit, data);
}

int zfs_receive(libzfs_handle_t* library, const char* target, nvlist_t* list, recvflags_t* flags, int fd, avl_tree_t*) {
  Call call(library, "zfs_receive");
  if (::access((standin::Root() + "/dev/zfs").c_str(), F_OK) != 0) standin::Die("zfs_receive without /dev/zfs");
  if (call.Fault("cannot receive") != 0) return -1;
  return standin::Receive(library, target, list, *flags, fd);
}

zpool_handle_t* zpool_open_canfail(libzfs_handle_t* library, const char* name) {
  Call call(library, "zpool_open_canfail");
  const std::string action = "cannot open '" + std::string(name) + "'";
  if (call.Fault(action) != 0) return nullptr;
  if (std::strpbrk(name, "/@#") != nullptr || *name == '\0') {
    standin::Error(library, EZFS_INVALIDNAME, action, "invalid character in pool name");
    return nullptr;
  }
  if (!standin::Look()->pools.contains(name)) {
    standin::Error(library, EZFS_NOENT, action, "no such pool");
    return nullptr;
  }
  auto* pool = new zpool_handle;
  pool->library = library;
  pool->name = name;
  return pool;
}

void zpool_close(zpool_handle_t* pool) {
  { const Call call(pool, "zpool_close"); }
  pool->mark = kClosedMark;
  delete pool;
}

const char* zpool_get_name(zpool_handle_t* pool) { return pool->name.c_str(); }

int zpool_iter(libzfs_handle_t* library, zpool_iter_f visit, void* data) {
  Call call(library, "zpool_iter");
  if (call.Fault("cannot iterate pools") != 0) return -1;
  const auto state = standin::Look();
  for (const auto& [name, bytes] : state->pools) {
    const int result = visit(zpool_open_canfail(library, name.c_str()), data);
    if (result != 0) return result;
  }
  return 0;
}

zpool_prop_t zpool_name_to_prop(const char* name) {
  static constexpr std::pair<const char*, zpool_prop_t> kNames[] = {
      {"name", ZPOOL_PROP_NAME},         {"size", ZPOOL_PROP_SIZE},     {"capacity", ZPOOL_PROP_CAPACITY},
      {"altroot", ZPOOL_PROP_ALTROOT},   {"health", ZPOOL_PROP_HEALTH}, {"guid", ZPOOL_PROP_GUID},
      {"version", ZPOOL_PROP_VERSION},   {"free", ZPOOL_PROP_FREE},     {"allocated", ZPOOL_PROP_ALLOCATED},
      {"readonly", ZPOOL_PROP_READONLY},
  };
  for (const auto& [known, property] : kNames) {
    if (std::strcmp(known, name) == 0) return property;
  }
  return ZPOOL_PROP_INVAL;
}

int zpool_get_prop(zpool_handle_t* pool, zpool_prop_t property, char* buffer, size_t size, zprop_source_t* source,
                   boolean_t) {
  const Call call(pool, "zpool_get_prop");
  const auto state = standin::Look();
  const auto found = state->pools.find(pool->name);
  if (found == state->pools.end()) return -1;
  const standin::Dataset& root = *state->Find(pool->name);
  const uint64_t used = standin::Used(*state, root);
  const auto number = [&](uint64_t value) { return std::to_string(value); };
  const std::map<int, std::string> values = {
      {ZPOOL_PROP_NAME, pool->name},
      {ZPOOL_PROP_SIZE, number(found->second)},
      {ZPOOL_PROP_CAPACITY, number(used * 100 / found->second)},
      {ZPOOL_PROP_ALTROOT, "-"},
      {ZPOOL_PROP_HEALTH, "ONLINE"},
      {ZPOOL_PROP_GUID, number(root.guid)},
      {ZPOOL_PROP_VERSION, "-"},
      {ZPOOL_PROP_FREE, number(found->second - std::min(found->second, used))},
      {ZPOOL_PROP_ALLOCATED, number(used)},
      {ZPOOL_PROP_READONLY, "off"},
  };
  std::snprintf(buffer, size, "%s", values.at(property).c_str());
  if (source != nullptr) *source = ZPROP_SRC_NONE;
  return 0;
}

}  // extern "C"
