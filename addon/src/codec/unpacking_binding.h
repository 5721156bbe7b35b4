// How files are given to JavaScript that are decompressed as they come.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "codec/unpacking.h"

namespace smartadm::codec {

// What JavaScript holds: with it goes the right to wait.
template <typename Stream>
struct UnpackingSession {
  UnpackingSession() = default;
  UnpackingSession(const UnpackingSession&) = delete;
  UnpackingSession& operator=(const UnpackingSession&) = delete;
  ~UnpackingSession() { unpacking->Cancel(); }

  const std::shared_ptr<Unpacking<Stream>> unpacking = std::make_shared<Unpacking<Stream>>();
  Lane lane;
};

inline Napi::ObjectReference Keep(const Napi::Value& value) { return Napi::Persistent(value.As<Napi::Object>()); }

template <typename Stream>
Napi::Value OpenUnpacking(const Napi::CallbackInfo& info) {
  using Kept = std::deque<Napi::ObjectReference>;
  auto [object, handle] = NewHandle(info.Env(), std::make_shared<UnpackingSession<Stream>>());
  // Input that has not been used up.
  const auto inputs = std::make_shared<Kept>();
  Export(object, "give", [handle = handle, inputs](const Napi::CallbackInfo& call) -> Napi::Value {
    const auto unpacking = handle->Get(call.Env())->unpacking;
    if (call[0].IsUndefined()) {
      unpacking->End();
      return call.Env().Undefined();
    }
    const Input input = ReadView(call[0], "input");
    // Nothing would be used up.
    if (input.empty()) return call.Env().Undefined();
    inputs->push_back(Keep(call[0]));
    unpacking->Give(input);
    return call.Env().Undefined();
  });
  Export(object, "fill", [handle = handle, inputs](const Napi::CallbackInfo& call) -> Napi::Value {
    const auto session = handle->Get(call.Env());
    const Output output = ReadView(call[0], "output");
    return session->lane.Run(
        call.Env(), [unpacking = session->unpacking, output] { return unpacking->Fill(output); },
        [inputs, kept = std::make_shared<Napi::ObjectReference>(Keep(call[0]))](Napi::Env env, const Filled& filled) {
          inputs->erase(inputs->begin(), inputs->begin() + static_cast<Kept::difference_type>(filled.used));
          Napi::Object result = Napi::Object::New(env);
          result.Set("given", ByteCountToJs(env, filled.given));
          result.Set("used", ByteCountToJs(env, filled.used));
          result.Set("ended", ToJs(env, filled.ended));
          result.Set("complete", ToJs(env, filled.complete));
          return result;
        });
  });
  return object;
}

}  // namespace smartadm::codec
