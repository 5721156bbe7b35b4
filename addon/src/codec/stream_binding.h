// How streams are given to JavaScript that are decompressed piece by piece.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "codec/stream.h"

namespace smartadm::codec {

// Keeps what JavaScript owns until the work on it has been settled.
inline std::shared_ptr<Napi::ObjectReference> Keep(const Napi::CallbackInfo& info) {
  Napi::Array kept = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < info.Length(); ++i) kept.Set(i, info[i]);
  return std::make_shared<Napi::ObjectReference>(Napi::Persistent(kept.As<Napi::Object>()));
}

template <typename Stream>
Napi::Value OpenStreamBinding(const Napi::CallbackInfo& info) {
  auto [object, handle] = NewHandle(info.Env(), std::make_shared<Stream>());
  Export(object, "run", [handle = handle](const Napi::CallbackInfo& call) -> Napi::Value {
    return RunWork(
        call.Env(),
        [stream = handle->Get(call.Env()), input = ReadView(call[0], "input"), output = ReadView(call[1], "output"),
         kept = Keep(call)] { return stream->Run(input, output); },
        [](Napi::Env env, const Progress& progress) {
          Napi::Object result = Napi::Object::New(env);
          result.Set("taken", ByteCountToJs(env, progress.taken));
          result.Set("given", ByteCountToJs(env, progress.given));
          result.Set("complete", ToJs(env, progress.complete));
          return result;
        });
  });
  return object;
}

}  // namespace smartadm::codec
