// What posix.node exports on illumos: locks. What it has beside them on Linux is for hosts of that system.
#include "boundary/exports.h"
#include "unix/file_lock_binding.h"

namespace smartadm::posix {
namespace {

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "lockFile", LockFileBinding);
  return exports;
}

NODE_API_MODULE(posix, Init)

}  // namespace
}  // namespace smartadm::posix
