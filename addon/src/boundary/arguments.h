// Reads arguments that came from JavaScript into plain values, with a TypeError or RangeError naming the argument.
#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace smartadm {

// Text without a zero byte, at most `most` bytes of UTF-8.
std::string ReadString(const Napi::Value& value, const std::string& name, size_t most = 65536);

// A non-empty string that fits into PATH_MAX.
std::string ReadPath(const Napi::Value& value, const std::string& name);

bool ReadBoolean(const Napi::Value& value, const std::string& name);

// A whole number from `least` to `most`.
int64_t ReadInteger(const Napi::Value& value, const std::string& name, int64_t least, int64_t most);

template <typename T>
T ReadInteger(const Napi::Value& value, const std::string& name) {
  static_assert(std::is_integral_v<T> && sizeof(T) <= 4, "read 64-bit values with ReadUint64 or ReadByteCount");
  return static_cast<T>(ReadInteger(value, name, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

// A bigint from 0 to 2^64 - 1: ids and guids.
uint64_t ReadUint64(const Napi::Value& value, const std::string& name);

// A number from 0 to 2^53 - 1: sizes and offsets.
uint64_t ReadByteCount(const Napi::Value& value, const std::string& name);

Napi::Object ReadObject(const Napi::Value& value, const std::string& name);

std::vector<std::string> ReadStrings(const Napi::Value& value, const std::string& name);

// A copy of what a Buffer or Uint8Array holds.
std::vector<uint8_t> ReadBytes(const Napi::Value& value, const std::string& name);

// The bytes themselves, not a copy.
std::span<uint8_t> ReadView(const Napi::Value& value, const char* name);

// Nothing when the value is undefined, else what `read` makes of it.
template <typename Read>
auto ReadOptional(const Napi::Value& value, Read&& read) -> std::optional<decltype(read(value))> {
  if (value.IsUndefined()) return std::nullopt;
  return read(value);
}

}  // namespace smartadm
