// Turns plain C++ values into JavaScript ones: 64-bit ids become bigints, byte counts range-checked numbers.
#pragma once

#include <napi.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smartadm {

inline Napi::Value ToJs(Napi::Env env, bool value) { return Napi::Boolean::New(env, value); }
inline Napi::Value ToJs(Napi::Env env, const std::string& value) { return Napi::String::New(env, value); }

// Integers of 64 bits have no conversion on purpose: choose IdToJs or ByteCountToJs.
template <typename T>
requires(std::integral<T> && sizeof(T) <= 4 && !std::same_as<T, bool>) Napi::Value ToJs(Napi::Env env, T value) {
  return Napi::Number::New(env, value);
}

// Each element by `convert(env, element)`.
template <typename T, typename Convert>
Napi::Value ToJs(Napi::Env env, const std::vector<T>& list, Convert&& convert) {
  Napi::Array array = Napi::Array::New(env, list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const Napi::HandleScope scope(env);
    array.Set(static_cast<uint32_t>(i), convert(env, list[i]));
  }
  return array;
}

inline Napi::Value ToJs(Napi::Env env, const std::vector<std::string>& list) {
  return ToJs(env, list, [](Napi::Env e, const std::string& text) { return ToJs(e, text); });
}

// Undefined when there is nothing.
template <typename T>
Napi::Value ToJs(Napi::Env env, const std::optional<T>& value) {
  return value ? ToJs(env, *value) : env.Undefined();
}

inline Napi::Value IdToJs(Napi::Env env, uint64_t id) { return Napi::BigInt::New(env, id); }

// Throws a RangeError past 2^53 - 1 rather than give a rounded size.
Napi::Value ByteCountToJs(Napi::Env env, uint64_t bytes);

}  // namespace smartadm
