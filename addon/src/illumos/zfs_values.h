// Queries and answers about datasets between JavaScript and plain C++.
#pragma once

#include <string>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/results.h"
#include "illumos/zfs.h"

namespace smartadm::zfs {

// Names get their length checked by what uses them, so that they fail with the library's code.
inline std::string ReadName(const Napi::Value& value, const std::string& name) { return ReadString(value, name, 4096); }
std::vector<std::string> ReadNames(const Napi::Value& value, const std::string& name);
Type ReadType(const Napi::Value& value, const std::string& name);
std::vector<Type> ReadTypes(const Napi::Value& value, const std::string& name);

// An object whose members are all text; absent for none.
Settings ReadSettings(const Napi::Value& value, const std::string& name);

// Members of an object of options that may be absent, as may be the object.
class Options {
 public:
  explicit Options(const Napi::Value& value);

  bool Flag(const char* name, bool otherwise) const;
  std::string Name(const char* name) const;
  Napi::Value Get(const char* name) const;

 private:
  Napi::Env env_;
  Napi::Object object_;
};

Asked ReadAsked(const Options& options);
Query ReadQuery(const Napi::Value& value);
Making ReadMaking(const Napi::Value& value);
Stream ReadStream(const Napi::Value& value);
Receiving ReadReceiving(const Napi::Value& value);

Napi::Value ToJs(Napi::Env env, const Stream& stream);
Napi::Value ToJs(Napi::Env env, const DatasetInfo& info);
Napi::Value ToJs(Napi::Env env, const PoolInfo& info);

}  // namespace smartadm::zfs
