// What the parts of zonecfg.node export together.
#pragma once

#include <napi.h>

namespace smartadm::zonecfg {

// Loads a configuration; resolves to a handle for it.
Napi::Value OpenBinding(const Napi::CallbackInfo& info);

}  // namespace smartadm::zonecfg
