// What kstat.node exports: kstat.h as functions.
#include <climits>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "illumos/kstat.h"

namespace smartadm::kstat {
namespace {

using Info = Napi::CallbackInfo;

Query ReadQuery(const Napi::Value& value) {
  const Napi::Object object = ReadObject(value, "query");
  const auto text = [&](const char* name) {
    return ReadOptional(object.Get(name), [name](const Napi::Value& each) { return ReadString(each, name, 255); });
  };
  return {text("module"), text("name"), text("class"),
          ReadOptional(object.Get("instance"), [](const Napi::Value& each) {
            return static_cast<int32_t>(ReadInteger(each, "instance", 0, INT_MAX));
          })};
}

struct ValueToJs {
  Napi::Env env;
  Napi::Value operator()(const std::string& text) const { return smartadm::ToJs(env, text); }
  Napi::Value operator()(int64_t number) const { return Napi::BigInt::New(env, number); }
  Napi::Value operator()(uint64_t number) const { return Napi::BigInt::New(env, number); }
};

Napi::Value StatisticToJs(Napi::Env env, const Statistic& statistic) {
  Napi::Object data = Napi::Object::New(env);
  for (const auto& [name, value] : statistic.data) data.Set(name, std::visit(ValueToJs{env}, value));
  Napi::Object object = Napi::Object::New(env);
  object.Set("module", statistic.module);
  object.Set("instance", smartadm::ToJs(env, statistic.instance));
  object.Set("name", statistic.name);
  object.Set("class", statistic.class_name);
  object.Set("snaptime", Napi::BigInt::New(env, statistic.snapshot_time));
  object.Set("data", data);
  return object;
}

Napi::Value ReadBinding(const Info& info) {
  return RunWork(
      info.Env(), [query = ReadQuery(info[0])] { return Read(query); },
      [](Napi::Env env, const std::vector<Statistic>& all) { return smartadm::ToJs(env, all, StatisticToJs); });
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "read", ReadBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(kstat, Init)

}  // namespace
}  // namespace smartadm::kstat
