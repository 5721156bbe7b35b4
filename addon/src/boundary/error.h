// Turns C++ exceptions into JavaScript errors with `code`, `errno`, `library` and `operation`.
#pragma once

#include <napi.h>

#include <exception>

namespace smartadm {

// The JavaScript error for `failure`. Whatever it is, nothing is thrown on.
Napi::Value ToJsError(Napi::Env env, std::exception_ptr failure);

// Runs `work` and throws what it throws as a Napi::Error, the only exception that may reach Node.
template <typename Work>
auto Guarded(Napi::Env env, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (...) {
    throw Napi::Error(env, ToJsError(env, std::current_exception()));
  }
}

}  // namespace smartadm
