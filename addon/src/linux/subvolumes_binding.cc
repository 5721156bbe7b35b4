// What btrfs.node exports: subvolumes.h as functions that return promises.
#include <optional>
#include <string>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "linux/subvolumes.h"

namespace smartadm::btrfs {
namespace {

using Info = Napi::CallbackInfo;

Napi::Value OptionalBytes(Napi::Env env, const std::optional<uint64_t>& bytes) {
  return bytes ? ByteCountToJs(env, *bytes) : env.Undefined();
}

Counted ReadCounted(const Napi::Value& value) {
  return ReadBoolean(value, "exclusive") ? Counted::kExclusive : Counted::kReferenced;
}

Napi::Value SubvolumeToJs(Napi::Env env, const Subvolume& subvolume) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("path", subvolume.path);
  object.Set("id", IdToJs(env, subvolume.id));
  object.Set("readOnly", subvolume.read_only);
  object.Set("attribute", ToJs(env, subvolume.attribute));
  return object;
}

// An export that takes one path and has no result.
template <void (*Function)(const std::string&)>
Napi::Value OnPath(const Info& info) {
  return RunWork(info.Env(), [path = ReadPath(info[0], "path")] { Function(path); });
}

// One that takes two.
template <void (*Function)(const std::string&, const std::string&)>
Napi::Value OnPaths(const Info& info) {
  return RunWork(info.Env(), [from = ReadPath(info[0], "from"), to = ReadPath(info[1], "to")] { Function(from, to); });
}

Napi::Value SetCompressionBinding(const Info& info) {
  return RunWork(info.Env(), [path = ReadPath(info[0], "path"), method = ReadString(info[1], "method", 16)] {
    SetCompression(path, method);
  });
}

Napi::Value FindPathBinding(const Info& info) {
  return RunWork(
      info.Env(), [top = ReadPath(info[0], "top"), id = ReadUint64(info[1], "id")] { return FindPath(top, id); },
      [](Napi::Env env, const std::optional<std::string>& path) { return ToJs(env, path); });
}

Napi::Value SetReadOnlyBinding(const Info& info) {
  return RunWork(info.Env(), [path = ReadPath(info[0], "path"), read_only = ReadBoolean(info[1], "readOnly")] {
    SetReadOnly(path, read_only);
  });
}

Napi::Value InspectBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [path = ReadPath(info[0], "path"), attribute = ReadString(info[1], "attribute", 255)] {
        return Inspect(path, attribute);
      },
      [](Napi::Env env, const std::optional<Subvolume>& found) {
        return found ? SubvolumeToJs(env, *found) : env.Undefined();
      });
}

Napi::Value SubvolumesToJs(Napi::Env env, const std::vector<Subvolume>& all) { return ToJs(env, all, SubvolumeToJs); }

template <std::vector<Subvolume> (*Function)(const std::string&, const std::string&)>
Napi::Value ListBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [path = ReadPath(info[0], "path"), attribute = ReadString(info[1], "attribute", 255)] {
        return Function(path, attribute);
      },
      SubvolumesToJs);
}

std::vector<uint64_t> ReadIds(const Napi::Value& value) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "ids must be an array of bigints");
  const auto array = value.As<Napi::Array>();
  std::vector<uint64_t> ids(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    ids.at(i) = ReadUint64(array.Get(i), "an element of ids");
  }
  return ids;
}

Napi::Value ListCopiesBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [top = ReadPath(info[0], "top"), ids = ReadIds(info[1]), attribute = ReadString(info[2], "attribute", 255)] {
        return ListCopies(top, ids, attribute);
      },
      SubvolumesToJs);
}

Napi::Value SetAttributeBinding(const Info& info) {
  return RunWork(info.Env(), [path = ReadPath(info[0], "path"), name = ReadString(info[1], "name", 255),
                              value = ReadString(info[2], "value")] { SetAttribute(path, name, value); });
}

Napi::Value QuotaModeBinding(const Info& info) {
  return RunWork(
      info.Env(), [top = ReadPath(info[0], "top")] { return GetQuotaMode(top); },
      [](Napi::Env env, QuotaMode mode) -> Napi::Value {
        if (mode == QuotaMode::kOff) return env.Undefined();
        return ToJs(env, std::string(mode == QuotaMode::kSimple ? "simple" : "full"));
      });
}

Napi::Value EnableQuotasBinding(const Info& info) {
  return RunWork(
      info.Env(), [top = ReadPath(info[0], "top")] { return EnableQuotas(top); },
      [](Napi::Env env, bool simple) { return ToJs(env, std::string(simple ? "simple" : "full")); });
}

template <void (*Function)(const std::string&, uint64_t)>
Napi::Value OnQgroup(const Info& info) {
  return RunWork(info.Env(), [top = ReadPath(info[0], "top"), id = ReadUint64(info[1], "id")] { Function(top, id); });
}

Napi::Value AssignQgroupBinding(const Info& info) {
  return RunWork(info.Env(), [top = ReadPath(info[0], "top"), member = ReadUint64(info[1], "member"),
                              group = ReadUint64(info[2], "group"),
                              assign = ReadBoolean(info[3], "assign")] { AssignQgroup(top, member, group, assign); });
}

Napi::Value LimitQgroupBinding(const Info& info) {
  const auto bytes = ReadOptional(info[2], [](const Napi::Value& value) { return ReadByteCount(value, "bytes"); });
  return RunWork(info.Env(), [top = ReadPath(info[0], "top"), id = ReadUint64(info[1], "id"), bytes,
                              counted = ReadCounted(info[3])] { LimitQgroup(top, id, bytes, counted); });
}

Napi::Value QgroupMembersBinding(const Info& info) {
  return RunWork(
      info.Env(), [top = ReadPath(info[0], "top"), id = ReadUint64(info[1], "id")] { return QgroupMembers(top, id); },
      [](Napi::Env env, const std::vector<uint64_t>& all) { return ToJs(env, all, IdToJs); });
}

Napi::Value UsageBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [top = ReadPath(info[0], "top"), ids = ReadIds(info[1]), counted = ReadCounted(info[2])] {
        return Usage(top, ids, counted);
      },
      [](Napi::Env env, const std::vector<std::optional<uint64_t>>& all) { return ToJs(env, all, OptionalBytes); });
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "createSubvolume", OnPath<CreateSubvolume>);
  Export(exports, "snapshotSubvolume", OnPaths<SnapshotSubvolume>);
  Export(exports, "deleteSubvolume", OnPath<DeleteSubvolume>);
  Export(exports, "setReadOnly", SetReadOnlyBinding);
  Export(exports, "rename", OnPaths<Rename>);
  Export(exports, "removeFolder", OnPath<RemoveFolder>);
  Export(exports, "exchange", OnPaths<Exchange>);
  Export(exports, "setCompression", SetCompressionBinding);
  Export(exports, "inspect", InspectBinding);
  Export(exports, "findPath", FindPathBinding);
  Export(exports, "list", ListBinding<List>);
  Export(exports, "listFolder", ListBinding<ListFolder>);
  Export(exports, "listCopies", ListCopiesBinding);
  Export(exports, "setAttribute", SetAttributeBinding);
  Export(exports, "quotaMode", QuotaModeBinding);
  Export(exports, "enableQuotas", EnableQuotasBinding);
  Export(exports, "createQgroup", OnQgroup<CreateQgroup>);
  Export(exports, "qgroupMembers", QgroupMembersBinding);
  Export(exports, "removeQgroup", OnQgroup<RemoveQgroup>);
  Export(exports, "assignQgroup", AssignQgroupBinding);
  Export(exports, "limitQgroup", LimitQgroupBinding);
  Export(exports, "usage", UsageBinding);
  Export(exports, "sync", OnPath<Sync>);
  return exports;
}

NODE_API_MODULE(btrfs, Init)

}  // namespace
}  // namespace smartadm::btrfs
