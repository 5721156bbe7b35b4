// Configurations of zones between JavaScript and plain C++.
#pragma once

#include <string>

#include "boundary/arguments.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "illumos/zonecfg.h"

namespace smartadm::zonecfg {

// Text that can stand in a document: a control character could be saved and then never be read again.
std::string ReadText(const Napi::Value& value, const std::string& name);
inline std::string ReadName(const Napi::Value& value) { return ReadString(value, "name", 255); }

Kind ReadKind(const Napi::Value& value);
Text ReadTextProperty(const std::string& property, const Napi::Env& env, const char* argument);
// One that is to be saved `must_fit`; one that is looked for need not be whole.
Resource ReadResource(Kind kind, const Napi::Value& value, bool must_fit);
Napi::Value ToJs(Napi::Env env, const Resource& resource);

// Work that holds the library's lock.
template <typename Work, typename Convert>
Napi::Value RunExclusively(Napi::Env env, Work work, Convert convert) {
  return RunWork(
      env, [work = std::move(work)]() mutable { return Exclusively(work); }, std::move(convert));
}

template <typename Work>
Napi::Value RunExclusively(Napi::Env env, Work work) {
  return RunWork(env, [work = std::move(work)]() mutable { Exclusively(work); });
}

inline const auto kTextToJs = [](Napi::Env env, const std::string& text) { return smartadm::ToJs(env, text); };
inline const auto kOptionalTextToJs = [](Napi::Env env, const std::optional<std::string>& text) {
  return smartadm::ToJs(env, text);
};

}  // namespace smartadm::zonecfg
