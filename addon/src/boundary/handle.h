// A native resource in the hands of JavaScript: closed by `close()`, by the garbage collector or at exit, once.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "boundary/exports.h"

namespace smartadm {

// Shares `Resource` between a JavaScript object and the work that runs on it. Closing drops it here; work in flight
// keeps its own reference, so nothing is freed under its feet.
template <typename Resource>
class Handle {
 public:
  explicit Handle(std::shared_ptr<Resource> resource) : resource_(std::move(resource)) {}

  // Throws a JavaScript error with code `ERR_CLOSED` when closed.
  std::shared_ptr<Resource> Get(Napi::Env env) const {
    if (resource_) return resource_;
    const Napi::Error error = Napi::Error::New(env, "the handle is closed");
    error.Set("code", "ERR_CLOSED");
    throw error;
  }

  bool IsOpen() const { return resource_ != nullptr; }

  // May be called any number of times.
  void Close() { resource_.reset(); }

 private:
  std::shared_ptr<Resource> resource_;
};

// A JavaScript object with a method `close`, to which `Export` adds others that capture the returned handle. No class
// and no `this`: a method cannot be called on the wrong kind of object.
template <typename Resource>
std::pair<Napi::Object, std::shared_ptr<Handle<Resource>>> NewHandle(Napi::Env env,
                                                                     std::shared_ptr<Resource> resource) {
  auto handle = std::make_shared<Handle<Resource>>(std::move(resource));
  Napi::Object object = Napi::Object::New(env);
  Export(object, "close", [handle](const Napi::CallbackInfo& info) {
    handle->Close();
    return info.Env().Undefined();
  });
  return {object, handle};
}

}  // namespace smartadm
