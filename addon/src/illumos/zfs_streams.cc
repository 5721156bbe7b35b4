// Snapshots and their holds by libzfs_core, and send streams.
#include "illumos/zfs_session.h"

namespace smartadm::zfs {
namespace {

void RequireSnapshot(const char* operation, const std::string& name) {
  // libzfs_core sends names on as they are.
  RequireName(operation, name, ZFS_TYPE_SNAPSHOT);
}

List NamedOnly(const char* operation, const std::vector<std::string>& names, zfs_type_t type) {
  List list = NewList();
  for (const std::string& name : names) {
    RequireName(operation, name, type);
    const int error = Lib().nvlist_add_boolean(list.get(), name.c_str());
    if (error != 0) throw NativeError("zfs", "nvlist_add_boolean", error, name);
  }
  return list;
}

// Runs a call of libzfs_core that tells which names it failed for.
template <typename Call>
void CallForEach(const char* operation, const std::string& subject, Call call) {
  nvlist_t* errors = nullptr;
  const int result = call(&errors);
  CheckEach(result, List(errors), operation, subject);
}

List TagsToRelease(const Settings& tags) {
  List list = NewList();
  for (const auto& [snapshot, tag] : tags) {
    RequireSnapshot("lzc_release", snapshot);
    const List held = NewList();
    int error = Lib().nvlist_add_boolean(held.get(), tag.c_str());
    if (error == 0) error = Lib().nvlist_add_nvlist(list.get(), snapshot.c_str(), held.get());
    if (error != 0) throw NativeError("zfs", "nvlist_add_nvlist", error, snapshot);
  }
  return list;
}

lzc_send_flags FlagsOf(const Stream& stream) {
  int flags = 0;
  if (stream.embedded) flags |= LZC_SEND_FLAG_EMBED_DATA;
  if (stream.large_blocks) flags |= LZC_SEND_FLAG_LARGE_BLOCK;
  if (stream.compressed) flags |= LZC_SEND_FLAG_COMPRESS;
  if (stream.raw) flags |= LZC_SEND_FLAG_RAW;
  return static_cast<lzc_send_flags>(flags);
}

const char* FromOf(const Stream& stream) {
  if (stream.from.empty()) return nullptr;
  RequireName("lzc_send", stream.from, ZFS_TYPE_SNAPSHOT | ZFS_TYPE_BOOKMARK);
  return stream.from.c_str();
}

}  // namespace

void TakeSnapshots(const std::vector<std::string>& names, const Settings& properties) {
  if (names.empty()) return;
  const List list = NamedOnly("lzc_snapshot", names, ZFS_TYPE_SNAPSHOT);
  const List settings = ToList(properties);
  CallForEach("lzc_snapshot", names.front(),
              [&](nvlist_t** errors) { return Lib().lzc_snapshot(list.get(), settings.get(), errors); });
}

void DestroySnapshots(const std::vector<std::string>& names, bool defer) {
  if (names.empty()) return;
  const List list = NamedOnly("lzc_destroy_snaps", names, ZFS_TYPE_SNAPSHOT);
  CallForEach("lzc_destroy_snaps", names.front(),
              [&](nvlist_t** errors) { return Lib().lzc_destroy_snaps(list.get(), ToBoolean(defer), errors); });
}

void MakeBookmarks(const Settings& snapshots) {
  if (snapshots.empty()) return;
  const List list = NewList();
  for (const auto& [bookmark, snapshot] : snapshots) {
    RequireName("lzc_bookmark", bookmark, ZFS_TYPE_BOOKMARK);
    RequireSnapshot("lzc_bookmark", snapshot);
    Add(list, bookmark, snapshot);
  }
  CallForEach("lzc_bookmark", snapshots.begin()->first,
              [&](nvlist_t** errors) { return Lib().lzc_bookmark(list.get(), errors); });
}

void DestroyBookmarks(const std::vector<std::string>& names) {
  if (names.empty()) return;
  const List list = NamedOnly("lzc_destroy_bookmarks", names, ZFS_TYPE_BOOKMARK);
  CallForEach("lzc_destroy_bookmarks", names.front(),
              [&](nvlist_t** errors) { return Lib().lzc_destroy_bookmarks(list.get(), errors); });
}

void Hold(const Settings& tags) {
  if (tags.empty()) return;
  const List list = NewList();
  for (const auto& [snapshot, tag] : tags) {
    RequireSnapshot("lzc_hold", snapshot);
    // The library holds the others and tells of those that are missing.
    if (Lib().lzc_exists(snapshot.c_str()) == B_FALSE) throw NativeError("zfs", "lzc_hold", ENOENT, snapshot);
    Add(list, snapshot, tag);
  }
  CallForEach("lzc_hold", tags.begin()->first,
              [&](nvlist_t** errors) { return Lib().lzc_hold(list.get(), -1, errors); });
}

void Release(const Settings& tags) {
  if (tags.empty()) return;
  const List list = TagsToRelease(tags);
  CallForEach("lzc_release", tags.begin()->first,
              [&](nvlist_t** errors) { return Lib().lzc_release(list.get(), errors); });
}

std::map<std::string, uint64_t> Holds(const std::string& snapshot) {
  RequireSnapshot("lzc_get_holds", snapshot);
  nvlist_t* held = nullptr;
  const int error = Lib().lzc_get_holds(snapshot.c_str(), &held);
  const List list(held);
  if (error != 0) throw NativeError("zfs", "lzc_get_holds", error, snapshot);
  std::map<std::string, uint64_t> holds;
  if (!list) return holds;
  for (nvpair_t* pair = nullptr; (pair = Lib().nvlist_next_nvpair(list.get(), pair)) != nullptr;) {
    uint64_t time = 0;
    if (Lib().nvpair_value_uint64(pair, &time) == 0) holds.emplace(Lib().nvpair_name(pair), time);
  }
  return holds;
}

void Send(const Stream& stream, int fd) {
  RequireSnapshot("lzc_send", stream.snapshot);
  const char* from = FromOf(stream);
  const int error = stream.resume ? Lib().lzc_send_resume(stream.snapshot.c_str(), from, fd, FlagsOf(stream),
                                                          stream.resume->object, stream.resume->offset)
                                  : Lib().lzc_send(stream.snapshot.c_str(), from, fd, FlagsOf(stream));
  if (error != 0) throw NativeError("zfs", stream.resume ? "lzc_send_resume" : "lzc_send", error, stream.snapshot);
}

uint64_t SendSize(const Stream& stream) {
  RequireSnapshot("lzc_send_space", stream.snapshot);
  uint64_t bytes = 0;
  const int error = Lib().lzc_send_space(stream.snapshot.c_str(), FromOf(stream), FlagsOf(stream), &bytes);
  if (error != 0) throw NativeError("zfs", "lzc_send_space", error, stream.snapshot);
  return bytes;
}

void Receive(const std::string& target, int fd, const Receiving& receiving) {
  RequireBelowPool("zfs_receive", target, kDatasets | ZFS_TYPE_SNAPSHOT);
  Settings settings = receiving.properties;
  if (!receiving.origin.empty()) {
    RequireName("zfs_receive", receiving.origin, ZFS_TYPE_SNAPSHOT);
    settings["origin"] = receiving.origin;
  }
  recvflags_t flags = {};
  flags.force = ToBoolean(receiving.force);
  flags.nomount = ToBoolean(!receiving.mount);
  flags.resumable = ToBoolean(receiving.resumable);
#ifdef SMARTADM_OPENZFS
  flags.domount = ToBoolean(receiving.mount);
#endif
  // A libzfs of its own: others go on with theirs meanwhile.
  Session session;
  const List list = ToList(settings);
  const Attempt attempt(session, "zfs_receive", target);
  attempt.Check(Lib().zfs_receive(session.handle(), target.c_str(), list.get(), &flags, fd, nullptr));
}

}  // namespace smartadm::zfs
