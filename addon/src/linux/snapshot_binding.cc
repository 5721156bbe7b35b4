// What snapshot.node exports: snapshot.h as a handle whose work runs off the main thread.
#include <memory>
#include <string>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "linux/snapshot.h"

namespace smartadm::snapshot {
namespace {

using Info = Napi::CallbackInfo;

// Names are bytes, not text.
std::string ReadBytePath(const Napi::Value& value, const char* name) {
  const std::vector<uint8_t> bytes = ReadBytes(value, name);
  std::string path(bytes.begin(), bytes.end());
  if (path.find('\0') != std::string::npos) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must not hold zero bytes");
  }
  return path;
}

Napi::Value BytesToJs(Napi::Env env, const std::vector<uint8_t>& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

// JavaScript's own memory, kept alive until the work has been settled.
struct Target {
  explicit Target(const Napi::Value& value) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      throw Napi::TypeError::New(value.Env(), "buffer must be a Buffer or Uint8Array");
    }
    auto array = value.As<Napi::Uint8Array>();
    bytes = std::span(array.Data(), array.ByteLength());
    owner = std::make_shared<Napi::ObjectReference>(Napi::Persistent(value.As<Napi::Object>()));
  }

  std::span<uint8_t> bytes;
  std::shared_ptr<Napi::ObjectReference> owner;
};

Napi::Value OpenSnapshotBinding(const Info& info) {
  auto [object, handle] = NewHandle(info.Env(), std::make_shared<Snapshot>(ReadPath(info[0], "path")));
  Export(object, "list", [handle = handle](const Info& call) -> Napi::Value {
    return RunWork(
        call.Env(),
        [snapshot = handle->Get(call.Env()), folder = ReadBytePath(call[0], "folder")] {
          return snapshot->List(folder);
        },
        BytesToJs);
  });
  Export(object, "describe", [handle = handle](const Info& call) -> Napi::Value {
    return RunWork(
        call.Env(),
        [snapshot = handle->Get(call.Env()), paths = ReadBytes(call[0], "paths"),
         content_size = ReadByteCount(call[1], "contentBytes"),
         enough = ReadByteCount(call[2], "enoughBytes")] { return snapshot->Describe(paths, content_size, enough); },
        BytesToJs);
  });
  Export(object, "read", [handle = handle](const Info& call) -> Napi::Value {
    const auto block = static_cast<uint64_t>(ReadInteger(call[2], "block", 1, 1 << 24));
    return RunWork(
        call.Env(),
        [snapshot = handle->Get(call.Env()), path = ReadBytePath(call[0], "path"),
         offset = ReadByteCount(call[1], "offset"), block,
         target = Target(call[3])] { return snapshot->Read(path, offset, block, target.bytes); },
        [](Napi::Env env, const Found& found) {
          Napi::Object result = Napi::Object::New(env);
          result.Set("at", ByteCountToJs(env, found.at));
          result.Set("size", ByteCountToJs(env, found.size));
          return result;
        });
  });
  return object;
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "openSnapshot", OpenSnapshotBinding);
  return exports;
}

NODE_API_MODULE(snapshot, Init)

}  // namespace
}  // namespace smartadm::snapshot
