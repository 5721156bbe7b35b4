// Streams that were cut off: what their tokens say, and how what is kept of them goes away.
#include <cinttypes>
#include <cstdio>

#include "illumos/zfs_session.h"

namespace smartadm::zfs {
namespace {

constexpr char kOperation[] = "zfs_send_resume_token_to_nvlist";

std::optional<uint64_t> NumberIn(const List& list, const char* name) {
  uint64_t number = 0;
  return Lib().nvlist_lookup_uint64(list.get(), name, &number) == 0 ? std::optional(number) : std::nullopt;
}

// Zero when there is no such thing.
uint64_t GuidOf(Session& session, const std::string& name) {
  if (!IsName(name, Type::kSnapshot)) return 0;
  const zfs::Dataset snapshot(Lib().zfs_open(session.handle(), name.c_str(), ZFS_TYPE_SNAPSHOT));
  return snapshot ? Lib().zfs_prop_get_int(snapshot.get(), ZFS_PROP_GUID) : 0;
}

// The snapshot or bookmark of a dataset with this guid; empty when there is none.
std::string WithGuid(Session& session, const std::string& dataset, uint64_t guid) {
  const Query query = {dataset, {Type::kSnapshot, Type::kBookmark}, 1, {{"guid"}}};
  for (const DatasetInfo& each : session.List(query)) {
    if (WithoutSnapshot(each.name) != dataset) continue;
    const auto found = each.properties.find("guid");
    if (found != each.properties.end() && found->second.value == std::to_string(guid)) return each.name;
  }
  return {};
}

// What an incremental stream builds on: of the dataset itself, or of those that it descends from.
std::string BaseOf(Session& session, std::string dataset, uint64_t guid) {
  for (int generations = 0; generations < 64 && !dataset.empty(); ++generations) {
    std::string found = WithGuid(session, dataset, guid);
    if (!found.empty()) return found;
    const Properties properties = session.Get(dataset, {{"origin"}}).properties;
    const auto origin = properties.find("origin");
    dataset = origin == properties.end() ? std::string() : WithoutSnapshot(origin->second.value);
  }
  return {};
}

}  // namespace

Stream Session::Resume(const std::string& token) {
  const zfs::List list(Lib().zfs_send_resume_token_to_nvlist(handle_, token.c_str()));
  if (!list) Refuse(kOperation, "resume token", EZFS_FAULT, "it is damaged");
  const auto object = NumberIn(list, "object"), offset = NumberIn(list, "offset"), guid = NumberIn(list, "toguid");
  const std::string snapshot = Lookup(list.get(), "toname");
  if (!object || !offset || !guid || snapshot.empty())
    Refuse(kOperation, "resume token", EZFS_FAULT, "it is incomplete");
  if (GuidOf(*this, snapshot) != *guid) {
    Refuse(kOperation, snapshot, EZFS_BADPATH, "it is no longer the snapshot that was sent");
  }
  const auto has = [&](const char* name) { return Lib().nvlist_exists(list.get(), name) != B_FALSE; };
  Stream stream = {
      snapshot, {}, has("embedok"), has("largeblockok"), has("compressok"), has("rawok"), Position{*object, *offset}};
  if (const auto from = NumberIn(list, "fromguid")) {
    stream.from = BaseOf(*this, WithoutSnapshot(snapshot), *from);
    if (stream.from.empty())
      Refuse(kOperation, snapshot, EZFS_BADPATH, "what was sent builds on what is no longer there");
  }
  return stream;
}

void Session::Abandon(const std::string& name) {
  RequireBelowPool("zfs_destroy", name, kDatasets);
  // Beside a dataset that was there before, or the dataset itself.
  const std::string inside = name + "/%recv";
  const bool is_inside =
      Lib().zfs_dataset_exists(handle_, inside.c_str(), static_cast<zfs_type_t>(kDatasets)) != B_FALSE;
  const zfs::Dataset dataset = Open(*this, is_inside ? inside : name, kDatasets);
  if (!is_inside && !ReadProperties(dataset, {{"receive_resume_token"}}).contains("receive_resume_token")) {
    Refuse("zfs_destroy", name, EZFS_BADRESTORE, "nothing is kept of a stream that was cut off");
  }
  const Attempt attempt(*this, "zfs_destroy", name);
  attempt.Check(Lib().zfs_destroy(dataset.get(), B_FALSE));
}

}  // namespace smartadm::zfs
