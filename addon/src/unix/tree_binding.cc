// What tree.node exports: tree.h as handles that run lists of commands off the main thread.
#include <memory>
#include <utility>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "unix/tree.h"

namespace smartadm::tree {
namespace {

using Info = Napi::CallbackInfo;

// Commands and data as JavaScript's own memory, kept alive until the work has been settled. Nobody may change it while
// it is read.
struct List {
  explicit List(const Info& info) {
    const Napi::Env env = info.Env();
    if (!info[1].IsArray()) throw Napi::TypeError::New(env, "buffers must be an array of Buffers");
    commands = View(info[0], "commands");
    const auto array = info[1].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) buffers.push_back(View(array.Get(i), "buffers[]"));
    Napi::Array kept = Napi::Array::New(env);
    kept.Set(0U, info[0]);
    for (uint32_t i = 0; i < array.Length(); ++i) kept.Set(i + 1, array.Get(i));
    owner = std::make_shared<Napi::ObjectReference>(Napi::Persistent(kept.As<Napi::Object>()));
  }

  static Bytes View(const Napi::Value& value, const char* name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a Buffer or Uint8Array");
    }
    const auto bytes = value.As<Napi::Uint8Array>();
    return Bytes(bytes.Data(), bytes.ByteLength());
  }

  Bytes commands;
  std::vector<Bytes> buffers;
  std::shared_ptr<Napi::ObjectReference> owner;
};

Napi::Value RefusalToJs(Napi::Env env, const Refusal& refusal) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("command", ToJs(env, refusal.command));
  object.Set("code", ToJs(env, ErrnoName(refusal.error)));
  return object;
}

// What JavaScript holds of either target of tree.h.
template <typename Target>
struct Session {
  std::shared_ptr<Target> target;
  Lane lane = {};
};

template <typename Target>
Napi::Object TargetToJs(Napi::Env env, std::shared_ptr<Target> target) {
  auto [object, handle] = NewHandle(env, std::make_shared<Session<Target>>(std::move(target)));
  Export(object, "run", [handle = handle](const Info& call) -> Napi::Value {
    const auto session = handle->Get(call.Env());
    return session->lane.Run(
        call.Env(), [target = session->target, list = List(call)] { return target->Run(list.commands, list.buffers); },
        [](Napi::Env env, const std::vector<Refusal>& refusals) { return ToJs(env, refusals, RefusalToJs); });
  });
  return object;
}

Napi::Value OpenTreeBinding(const Info& info) {
  const std::string stage = ReadPath(info[1], "stage");
  if (stage.find('/') != std::string::npos || stage == "." || stage == "..") {
    throw Napi::TypeError::New(info.Env(), "stage must be the name of a folder");
  }
  return TargetToJs(info.Env(), std::make_shared<Tree>(ReadPath(info[0], "path"), stage));
}

Napi::Value OpenLayerBinding(const Info& info) {
  return TargetToJs(info.Env(), std::make_shared<Tree>(ReadPath(info[0], "path")));
}

Napi::Value OpenFileBinding(const Info& info) {
  return TargetToJs(info.Env(), std::make_shared<ContentFile>(ReadPath(info[0], "path")));
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "openTree", OpenTreeBinding);
  Export(exports, "openLayer", OpenLayerBinding);
  Export(exports, "openFile", OpenFileBinding);
  return exports;
}

NODE_API_MODULE(tree, Init)

}  // namespace
}  // namespace smartadm::tree
