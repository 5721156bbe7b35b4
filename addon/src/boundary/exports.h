// How an addon names its functions, and objects that own something native.
#pragma once

#include <napi.h>

#include <utility>

#include "boundary/error.h"

namespace smartadm {

// Puts `function(const Napi::CallbackInfo&)` on `object`. Whatever it throws becomes a JavaScript error; a lambda may
// capture what the function needs, which lives as long as the function does.
template <typename Function>
void Export(Napi::Object object, const char* name, Function function) {
  object.Set(name, Napi::Function::New(
                       object.Env(),
                       [function = std::move(function)](const Napi::CallbackInfo& info) mutable -> Napi::Value {
                         return Guarded(info.Env(), [&]() -> Napi::Value { return function(info); });
                       },
                       name));
}

}  // namespace smartadm
