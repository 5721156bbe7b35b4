#include "boundary/results.h"

namespace smartadm {

Napi::Value ByteCountToJs(Napi::Env env, uint64_t bytes) {
  constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;
  if (bytes > kMaxSafeInteger) throw Napi::RangeError::New(env, "a byte count does not fit into a number");
  return Napi::Number::New(env, static_cast<double>(bytes));
}

}  // namespace smartadm
