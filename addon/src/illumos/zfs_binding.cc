// What zfs.node exports: zfs.h as functions and a handle.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/work.h"
#include "core/unique_fd.h"
#include "illumos/zfs.h"
#include "illumos/zfs_values.h"

namespace smartadm::zfs {
namespace {

using Info = Napi::CallbackInfo;
using Open = std::shared_ptr<Session>;

// Work that holds the library's lock. All of it keeps the session: without one libzfs_core has no descriptor.
template <typename Work, typename Convert>
Napi::Value RunExclusively(Napi::Env env, Open session, Work work, Convert convert) {
  return RunWork(
      env,
      [session = std::move(session), work = std::move(work)]() mutable {
        return Exclusively([&] { return work(*session); });
      },
      std::move(convert));
}

template <typename Work>
Napi::Value RunExclusively(Napi::Env env, Open session, Work work) {
  return RunWork(
      env, [session = std::move(session), work = std::move(work)]() mutable { Exclusively([&] { work(*session); }); });
}

const auto kBoolToJs = [](Napi::Env env, bool value) { return smartadm::ToJs(env, value); };
const auto kNamesToJs = [](Napi::Env env, const std::vector<std::string>& names) { return smartadm::ToJs(env, names); };

Napi::Value ExistsBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session),
      [name = ReadName(info[0], "name"), types = ReadTypes(info[1], "types")](Session& zfs) {
        return zfs.Exists(name, types);
      },
      kBoolToJs);
}

Napi::Value GetBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session),
      [name = ReadName(info[0], "name"), asked = ReadAsked(Options(info[1]))](Session& zfs) {
        return zfs.Get(name, asked);
      },
      [](Napi::Env env, const DatasetInfo& dataset) { return ToJs(env, dataset); });
}

Napi::Value ListBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [query = ReadQuery(info[0])](Session& zfs) { return zfs.List(query); },
      [](Napi::Env env, const std::vector<DatasetInfo>& list) {
        return smartadm::ToJs(env, list, [](Napi::Env e, const DatasetInfo& each) { return ToJs(e, each); });
      });
}

Napi::Value SetBinding(const Info& info, Open session) {
  if (!info[1].IsObject()) throw Napi::TypeError::New(info.Env(), "properties must be an object");
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name"),
                         settings = ReadSettings(info[1], "properties")](Session& zfs) { zfs.Set(name, settings); });
}

Napi::Value InheritBinding(const Info& info, Open session) {
  const bool received = !info[2].IsUndefined() && ReadBoolean(info[2], "received");
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name"), property = ReadName(info[1], "property"),
                         received](Session& zfs) { zfs.Inherit(name, property, received); });
}

Napi::Value CreateBinding(const Info& info, Open session) {
  const Type type = ReadType(info[1], "type");
  if (type != Type::kFilesystem && type != Type::kVolume) {
    throw Napi::TypeError::New(info.Env(), "type must be filesystem or volume");
  }
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name"), type, settings = ReadSettings(info[2], "properties"),
                         making = ReadMaking(info[3])](Session& zfs) { zfs.Create(name, type, settings, making); });
}

Napi::Value CloneBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [snapshot = ReadName(info[0], "snapshot"), target = ReadName(info[1], "target"),
                         settings = ReadSettings(info[2], "properties"), making = ReadMaking(info[3])](Session& zfs) {
                          zfs.Clone(snapshot, target, settings, making);
                        });
}

Napi::Value SnapshotBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [names = ReadNames(info[0], "names"),
                         settings = ReadSettings(info[1], "properties")](Session&) { TakeSnapshots(names, settings); });
}

Napi::Value DependentsBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [name = ReadName(info[0], "name")](Session& zfs) { return zfs.Dependents(name); },
      kNamesToJs);
}

Napi::Value DestroyBinding(const Info& info, Open session) {
  const Options options(info[1]);
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name"), recursive = options.Flag("recursive", false),
                         force = options.Flag("force", false)](Session& zfs) { zfs.Destroy(name, recursive, force); });
}

Napi::Value DestroySnapshotsBinding(const Info& info, Open session) {
  const bool defer = !info[1].IsUndefined() && ReadBoolean(info[1], "defer");
  return RunExclusively(info.Env(), std::move(session),
                        [names = ReadNames(info[0], "names"), defer](Session&) { DestroySnapshots(names, defer); });
}

Napi::Value BookmarkBinding(const Info& info, Open session) {
  if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "snapshots must be an object");
  return RunExclusively(info.Env(), std::move(session),
                        [snapshots = ReadSettings(info[0], "snapshots")](Session&) { MakeBookmarks(snapshots); });
}

Napi::Value DestroyBookmarksBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [names = ReadNames(info[0], "names")](Session&) { DestroyBookmarks(names); });
}

Napi::Value RollbackBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session),
      [snapshot = ReadName(info[0], "snapshot"), newer = Options(info[1]).Flag("destroyNewer", false)](Session& zfs) {
        zfs.Rollback(snapshot, newer);
      });
}

Napi::Value RenameBinding(const Info& info, Open session) {
  const Options options(info[2]);
  return RunExclusively(
      info.Env(), std::move(session),
      [from = ReadName(info[0], "from"), to = ReadName(info[1], "to"), recursive = options.Flag("recursive", false),
       force = options.Flag("force", false)](Session& zfs) { zfs.Rename(from, to, recursive, force); });
}

Napi::Value PromoteBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name")](Session& zfs) { zfs.Promote(name); });
}

Napi::Value MountBinding(const Info& info, Open session) {
  const Options options(info[1]);
  auto with = ReadOptional(options.Get("options"), [](const Napi::Value& v) { return ReadString(v, "options", 1023); });
  return RunExclusively(
      info.Env(), std::move(session),
      [name = ReadName(info[0], "name"), with = std::move(with),
       overlay = options.Flag("overlay", false)](Session& zfs) { return zfs.Mount(name, with, overlay); },
      kBoolToJs);
}

Napi::Value UnmountBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name"),
                         force = Options(info[1]).Flag("force", false)](Session& zfs) { zfs.Unmount(name, force); });
}

Napi::Value MountedAtBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [name = ReadName(info[0], "name")](Session& zfs) { return zfs.MountedAt(name); },
      [](Napi::Env env, const std::optional<std::string>& where) { return smartadm::ToJs(env, where); });
}

Settings ReadTags(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "tags must be an object");
  return ReadSettings(value, "tags");
}

Napi::Value HoldBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session), [tags = ReadTags(info[0])](Session&) { Hold(tags); });
}

Napi::Value ReleaseBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session), [tags = ReadTags(info[0])](Session&) { Release(tags); });
}

Napi::Value HoldsBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [snapshot = ReadName(info[0], "snapshot")](Session&) { return Holds(snapshot); },
      [](Napi::Env env, const std::map<std::string, uint64_t>& holds) {
        Napi::Object object = Napi::Object::New(env);
        for (const auto& [tag, time] : holds) object.Set(tag, static_cast<double>(time));
        return object;
      });
}

// A descriptor of our own for what the caller may close at once.
std::shared_ptr<UniqueFd> CopyDescriptor(const Napi::Value& value) {
  const int fd = static_cast<int>(ReadInteger(value, "fd", 0, INT_MAX));
  auto copy = std::make_shared<UniqueFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!*copy) throw NativeError("libc", "fcntl", errno, "descriptor " + std::to_string(fd));
  return copy;
}

Napi::Value SendBinding(const Info& info, Open session) {
  return RunOnThread(
      info.Env(), [session = std::move(session), stream = ReadStream(info[0]), fd = CopyDescriptor(info[1])]() mutable {
        Send(stream, fd->get());
        // Who reads sees the end before the promise settles.
        fd->reset();
      });
}

Napi::Value SendSizeBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [stream = ReadStream(info[0])](Session&) { return SendSize(stream); },
      [](Napi::Env env, uint64_t bytes) { return ByteCountToJs(env, bytes); });
}

Napi::Value ResumptionBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [token = ReadName(info[0], "token")](Session& zfs) { return zfs.Resume(token); },
      [](Napi::Env env, const Stream& stream) { return ToJs(env, stream); });
}

Napi::Value AbandonBinding(const Info& info, Open session) {
  return RunExclusively(info.Env(), std::move(session),
                        [name = ReadName(info[0], "name")](Session& zfs) { zfs.Abandon(name); });
}

Napi::Value ReceiveBinding(const Info& info, Open session) {
  auto target = ReadName(info[0], "target");
  auto receiving = ReadReceiving(info[2]);
  return RunOnThread(info.Env(), [session = std::move(session), target = std::move(target),
                                  receiving = std::move(receiving), fd = CopyDescriptor(info[1])] {
    // Who writes must not wait for a reader that has given up.
    struct Close {
      UniqueFd& fd;
      ~Close() { fd.reset(); }
    } const close{*fd};
    Receive(target, fd->get(), receiving);
  });
}

std::vector<std::string> ReadPoolProperties(const Napi::Value& value) { return ReadAsked(Options(value)).properties; }

Napi::Value PoolsBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session), [names = ReadPoolProperties(info[0])](Session& zfs) { return zfs.Pools(names); },
      [](Napi::Env env, const std::vector<PoolInfo>& pools) {
        return smartadm::ToJs(env, pools, [](Napi::Env e, const PoolInfo& each) { return ToJs(e, each); });
      });
}

Napi::Value PoolBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session),
      [name = ReadName(info[0], "name"), names = ReadPoolProperties(info[1])](Session& zfs) {
        return zfs.Pool(name, names);
      },
      [](Napi::Env env, const PoolInfo& pool) { return ToJs(env, pool); });
}

Napi::Value IsNameBinding(const Info& info, Open session) {
  return RunExclusively(
      info.Env(), std::move(session),
      [name = ReadString(info[0], "name"), type = ReadType(info[1], "type")](Session&) { return IsName(name, type); },
      kBoolToJs);
}

Napi::Value OpenBinding(const Info& info) {
  return RunWork(
      info.Env(), [] { return std::make_shared<Session>(); },
      [](Napi::Env env, Open session) {
        auto [object, handle] = NewHandle(env, std::move(session));
        const auto method = [&object = object, &handle = handle](const char* name,
                                                                 Napi::Value (*binding)(const Info&, Open)) {
          Export(object, name, [handle, binding](const Info& call) { return binding(call, handle->Get(call.Env())); });
        };
        method("exists", ExistsBinding);
        method("get", GetBinding);
        method("list", ListBinding);
        method("set", SetBinding);
        method("inherit", InheritBinding);
        method("create", CreateBinding);
        method("clone", CloneBinding);
        method("snapshot", SnapshotBinding);
        method("dependents", DependentsBinding);
        method("destroy", DestroyBinding);
        method("destroySnapshots", DestroySnapshotsBinding);
        method("bookmark", BookmarkBinding);
        method("destroyBookmarks", DestroyBookmarksBinding);
        method("rollback", RollbackBinding);
        method("rename", RenameBinding);
        method("promote", PromoteBinding);
        method("mount", MountBinding);
        method("unmount", UnmountBinding);
        method("mountedAt", MountedAtBinding);
        method("hold", HoldBinding);
        method("release", ReleaseBinding);
        method("holds", HoldsBinding);
        method("send", SendBinding);
        method("sendSize", SendSizeBinding);
        method("resumption", ResumptionBinding);
        method("receive", ReceiveBinding);
        method("abandon", AbandonBinding);
        method("pools", PoolsBinding);
        method("pool", PoolBinding);
        method("isName", IsNameBinding);
        return object;
      });
}

Napi::Value PipeBinding(const Info& info) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw NativeError("libc", "pipe2", errno);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("read", ends[0]);
  object.Set("write", ends[1]);
  return object;
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "open", OpenBinding);
  Export(exports, "pipe", PipeBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(zfs, Init)

}  // namespace
}  // namespace smartadm::zfs
