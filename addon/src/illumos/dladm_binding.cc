// What dladm.node exports: dladm.h as functions.
#include <cstdint>
#include <string>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "illumos/dladm.h"

namespace smartadm::dladm {
namespace {

using Info = Napi::CallbackInfo;

uint32_t ReadId(const Napi::Value& value, const char* name = "id") {
  return static_cast<uint32_t>(ReadInteger(value, name, 0, UINT32_MAX));
}

std::string ReadName(const Napi::Value& value, const char* name = "name") { return ReadString(value, name, 255); }

// The library copies each value into a buffer of its own.
std::vector<std::string> ReadValues(const Napi::Value& value, const char* name) {
  std::vector<std::string> values = ReadStrings(value, name);
  for (const std::string& each : values) {
    if (each.size() <= kMostValue) continue;
    throw Napi::RangeError::New(
        value.Env(), std::string(name) + " must be of at most " + std::to_string(kMostValue) + " bytes each");
  }
  return values;
}

std::optional<std::string> ReadZone(const Napi::Value& value) {
  return ReadOptional(value, [](const Napi::Value& each) { return ReadName(each, "zone"); });
}

bool ReadFlag(const Napi::Object& object, const char* name) {
  return ReadOptional(object.Get(name), [name](const Napi::Value& each) { return ReadBoolean(each, name); })
      .value_or(false);
}

// `[[name, [value, …]], …]`, in the order in which they are set.
std::vector<Property> ReadProperties(const Napi::Value& value) {
  std::vector<Property> properties;
  if (value.IsUndefined()) return properties;
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "properties must be an array of pairs");
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    const Napi::Value pair = array.Get(i);
    if (!pair.IsArray() || pair.As<Napi::Array>().Length() != 2) {
      throw Napi::TypeError::New(value.Env(), "properties must be an array of pairs");
    }
    const auto parts = pair.As<Napi::Array>();
    properties.emplace_back(ReadName(parts.Get(0U), "property name"), ReadValues(parts.Get(1U), "property values"));
  }
  return properties;
}

NewVnic ReadNewVnic(const Napi::Value& value) {
  const Napi::Object object = ReadObject(value, "vnic");
  const auto number = [&](const char* name, int64_t most) {
    return static_cast<uint32_t>(ReadOptional(object.Get(name), [=](const Napi::Value& each) {
                                   return ReadInteger(each, name, 0, most);
                                 }).value_or(0));
  };
  NewVnic vnic = {};
  vnic.name = ReadOptional(object.Get("name"), [](const Napi::Value& each) { return ReadName(each); }).value_or("");
  vnic.over = ReadId(object.Get("over"), "over");
  vnic.mac_type = ReadName(object.Get("macType"), "macType");
  if (!object.Get("mac").IsUndefined()) vnic.mac = ReadBytes(object.Get("mac"), "mac");
  vnic.vlan_id = static_cast<uint16_t>(number("vlanId", 4094));
  vnic.vrid = number("vrid", 255);
  vnic.inet6 = ReadFlag(object, "inet6");
  vnic.properties = ReadProperties(object.Get("properties"));
  vnic.temporary = ReadFlag(object, "temporary");
  return vnic;
}

Napi::Value LinkToJs(Napi::Env env, const Link& link) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", smartadm::ToJs(env, link.id));
  object.Set("name", link.name);
  object.Set("class", link.class_name);
  object.Set("media", smartadm::ToJs(env, link.media));
  object.Set("active", link.active);
  object.Set("persistent", link.persistent);
  object.Set("transient", link.transient);
  object.Set("zone", link.zone.empty() ? env.Undefined() : smartadm::ToJs(env, link.zone));
  object.Set("over", smartadm::ToJs(env, link.over));
  object.Set("mac", smartadm::ToJs(env, link.mac));
  object.Set("vlanId", smartadm::ToJs(env, link.vlan_id));
  object.Set("mtu", smartadm::ToJs(env, link.mtu));
  return object;
}

const auto kIdToJs = [](Napi::Env env, uint32_t id) { return smartadm::ToJs(env, id); };

Napi::Value LinksBinding(const Info& info) {
  const Napi::Object query = info[0].IsUndefined() ? Napi::Object::New(info.Env()) : ReadObject(info[0], "query");
  std::vector<std::string> classes;
  if (!query.Get("classes").IsUndefined()) classes = ReadStrings(query.Get("classes"), "classes");
  return RunWork(
      info.Env(), [zone = ReadZone(query.Get("zone")), classes = std::move(classes)] { return List(zone, classes); },
      [](Napi::Env env, const std::vector<Link>& links) { return smartadm::ToJs(env, links, LinkToJs); });
}

Napi::Value ResolveBinding(const Info& info) {
  return RunWork(
      info.Env(), [name = ReadName(info[0]), zone = ReadZone(info[1])] { return Resolve(name, zone); }, kIdToJs);
}

Napi::Value CreateVnicBinding(const Info& info) {
  return RunWork(
      info.Env(), [vnic = ReadNewVnic(info[0])] { return CreateVnic(vnic); }, kIdToJs);
}

Napi::Value CreateEtherstubBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [name = ReadName(info[0]), persistent = ReadBoolean(info[1], "persistent")] {
        return CreateEtherstub(name, persistent);
      },
      kIdToJs);
}

Napi::Value DeleteVnicBinding(const Info& info) {
  return RunWork(info.Env(), [id = ReadId(info[0]), persistent = ReadBoolean(info[1], "persistent")] {
    DeleteVnic(id, persistent);
  });
}

Napi::Value RenameBinding(const Info& info) {
  return RunWork(info.Env(), [zone = ReadZone(info[0]), from = ReadName(info[1], "from"),
                              to = ReadName(info[2], "to")] { Rename(zone.value_or(""), from, to); });
}

Which ReadWhich(const Napi::Value& value) {
  static constexpr const char* kNames[] = {"current", "default", "permitted", "modifiable", "persistent"};
  const std::string name = ReadString(value, "which", 32);
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<Which>(i);
  }
  throw Napi::TypeError::New(value.Env(), "which must be current, default, permitted, modifiable or persistent");
}

Napi::Value PropertyBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [id = ReadId(info[0]), name = ReadName(info[1]), which = ReadWhich(info[2])] {
        return GetProperty(id, name, which);
      },
      [](Napi::Env env, const std::vector<std::string>& values) { return smartadm::ToJs(env, values); });
}

Napi::Value SetPropertyBinding(const Info& info) {
  std::vector<std::string> values = ReadValues(info[2], "values");
  return RunWork(info.Env(),
                 [id = ReadId(info[0]), name = ReadName(info[1]), values = std::move(values),
                  persistent = ReadBoolean(info[3], "persistent")] { SetProperty(id, name, values, persistent); });
}

Napi::Value CreateSimnetBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [name = ReadName(info[0]), persistent = ReadBoolean(info[1], "persistent")] {
        return CreateSimnet(name, persistent);
      },
      kIdToJs);
}

Napi::Value DeleteSimnetBinding(const Info& info) {
  return RunWork(info.Env(), [id = ReadId(info[0]), persistent = ReadBoolean(info[1], "persistent")] {
    DeleteSimnet(id, persistent);
  });
}

Napi::Value ConnectSimnetBinding(const Info& info) {
  return RunWork(info.Env(), [id = ReadId(info[0]), other = ReadId(info[1], "other")] { ConnectSimnet(id, other); });
}

Napi::Value AggregationBinding(const Info& info) {
  return RunWork(
      info.Env(), [id = ReadId(info[0])] { return AggregationOf(id); },
      [](Napi::Env env, const Aggregation& group) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("ports",
                   smartadm::ToJs(env, group.ports, [](Napi::Env e, uint32_t id) { return smartadm::ToJs(e, id); }));
        object.Set("policy", smartadm::ToJs(env, group.policy));
        object.Set("mac", group.mac);
        object.Set("lacpMode", group.lacp_mode);
        object.Set("lacpTimer", group.lacp_timer);
        return object;
      });
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "links", LinksBinding);
  Export(exports, "resolve", ResolveBinding);
  Export(exports, "createVnic", CreateVnicBinding);
  Export(exports, "createEtherstub", CreateEtherstubBinding);
  Export(exports, "deleteVnic", DeleteVnicBinding);
  Export(exports, "rename", RenameBinding);
  Export(exports, "property", PropertyBinding);
  Export(exports, "setProperty", SetPropertyBinding);
  Export(exports, "createSimnet", CreateSimnetBinding);
  Export(exports, "deleteSimnet", DeleteSimnetBinding);
  Export(exports, "connectSimnet", ConnectSimnetBinding);
  Export(exports, "aggregation", AggregationBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(dladm, Init)

}  // namespace
}  // namespace smartadm::dladm
