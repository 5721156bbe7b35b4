// What posix.node exports of file_lock.h, on both systems.
#pragma once

#include <napi.h>

namespace smartadm::posix {

Napi::Value LockFileBinding(const Napi::CallbackInfo& info);

}  // namespace smartadm::posix
