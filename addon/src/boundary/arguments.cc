#include "boundary/arguments.h"

#include <climits>
#include <cmath>

namespace smartadm {
namespace {

constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

[[noreturn]] void WrongType(const Napi::Value& value, const std::string& name, const char* expected) {
  throw Napi::TypeError::New(value.Env(), name + " must be " + expected);
}

}  // namespace

std::string ReadString(const Napi::Value& value, const std::string& name, size_t most) {
  if (!value.IsString()) WrongType(value, name, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.size() > most) {
    throw Napi::RangeError::New(value.Env(), name + " is longer than " + std::to_string(most) + " bytes");
  }
  if (text.find('\0') != std::string::npos) WrongType(value, name, "a string without zero bytes");
  return text;
}

std::string ReadPath(const Napi::Value& value, const std::string& name) {
  std::string path = ReadString(value, name, PATH_MAX - 1);
  if (path.empty()) WrongType(value, name, "a path, not an empty string");
  return path;
}

bool ReadBoolean(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) WrongType(value, name, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

int64_t ReadInteger(const Napi::Value& value, const std::string& name, int64_t least, int64_t most) {
  if (!value.IsNumber()) WrongType(value, name, "a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(std::trunc(number) == number && number >= static_cast<double>(least) && number <= static_cast<double>(most))) {
    throw Napi::RangeError::New(
        value.Env(), name + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int64_t>(number);
}

uint64_t ReadUint64(const Napi::Value& value, const std::string& name) {
  if (!value.IsBigInt()) WrongType(value, name, "a bigint");
  bool lossless = false;
  const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(value.Env(), name + " must be a bigint from 0 to 2^64 - 1");
  return number;
}

uint64_t ReadByteCount(const Napi::Value& value, const std::string& name) {
  return static_cast<uint64_t>(ReadInteger(value, name, 0, kMaxSafeInteger));
}

Napi::Object ReadObject(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject() || value.IsArray() || value.IsFunction()) WrongType(value, name, "an object");
  return value.As<Napi::Object>();
}

std::vector<std::string> ReadStrings(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) WrongType(value, name, "an array of strings");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> result;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    result.push_back(ReadString(array.Get(i), name + "[" + std::to_string(i) + "]"));
  }
  return result;
}

std::vector<uint8_t> ReadBytes(const Napi::Value& value, const std::string& name) {
  const auto bytes = ReadView(value, name.c_str());
  return {bytes.begin(), bytes.end()};
}

std::span<uint8_t> ReadView(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    WrongType(value, name, "a Buffer or Uint8Array");
  }
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

}  // namespace smartadm
