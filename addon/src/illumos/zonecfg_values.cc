#include "illumos/zonecfg_values.h"

#include <map>
#include <utility>
#include <vector>

namespace smartadm::zonecfg {
namespace {

// A member that may be absent, and is empty then.
std::string ReadMember(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  return value.IsUndefined() ? std::string() : ReadText(value, name);
}

// Lists of pairs: `[name, value]`.
std::vector<Property> ReadProperties(const Napi::Object& object) {
  const Napi::Value value = object.Get("properties");
  std::vector<Property> properties;
  if (value.IsUndefined()) return properties;
  if (!value.IsArray()) throw Napi::TypeError::New(object.Env(), "properties must be an array of pairs");
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(object.Env());
    const Napi::Value pair = array.Get(i);
    if (!pair.IsArray() || pair.As<Napi::Array>().Length() != 2) {
      throw Napi::TypeError::New(object.Env(), "properties must be an array of pairs");
    }
    const auto parts = pair.As<Napi::Array>();
    properties.push_back({ReadText(parts.Get(0U), "property name"), ReadText(parts.Get(1U), "property value")});
  }
  return properties;
}

Rctl ReadRctl(const Napi::Object& object) {
  Rctl rctl = {ReadMember(object, "name"), {}};
  const Napi::Value values = object.Get("values");
  if (values.IsUndefined()) return rctl;
  if (!values.IsArray()) throw Napi::TypeError::New(object.Env(), "values must be an array of objects");
  const auto array = values.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(object.Env());
    const Napi::Object value = ReadObject(array.Get(i), "values[" + std::to_string(i) + "]");
    rctl.values.push_back({ReadMember(value, "privilege"), ReadMember(value, "limit"), ReadMember(value, "action")});
  }
  return rctl;
}

// One that is to be saved must say a type that its document may hold; one that is looked for need not say any.
Attr ReadAttr(const Napi::Object& object, bool must_fit) {
  Attr attr = {ReadMember(object, "name"), ReadMember(object, "type"), ReadMember(object, "value")};
  const bool fits = attr.type == "string" || attr.type == "boolean" || attr.type == "int" || attr.type == "uint";
  if (must_fit && !fits) {
    throw Napi::TypeError::New(object.Env(), "type of an attr must be boolean, int, string or uint");
  }
  return attr;
}

Filesystem ReadFilesystem(const Napi::Object& object) {
  Filesystem filesystem = {ReadMember(object, "special"),
                           ReadMember(object, "dir"),
                           ReadMember(object, "type"),
                           ReadMember(object, "raw"),
                           {}};
  const Napi::Value options = object.Get("options");
  if (options.IsUndefined()) return filesystem;
  if (!options.IsArray()) throw Napi::TypeError::New(object.Env(), "options must be an array of strings");
  const auto array = options.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    filesystem.options.push_back(ReadText(array.Get(i), "options[" + std::to_string(i) + "]"));
  }
  return filesystem;
}

const std::map<std::string, Kind>& Kinds() {
  static const std::map<std::string, Kind>& kinds = *new std::map<std::string, Kind>{
      {"attr", Kind::kAttr}, {"network", Kind::kNetwork}, {"device", Kind::kDevice},
      {"rctl", Kind::kRctl}, {"dataset", Kind::kDataset}, {"filesystem", Kind::kFilesystem},
      {"pset", Kind::kPset}, {"admin", Kind::kAdmin},     {"security-flags", Kind::kSecurityFlags},
  };
  return kinds;
}

const std::map<std::string, Text>& Texts() {
  static const std::map<std::string, Text>& texts = *new std::map<std::string, Text>{
      {"name", Text::kName},           {"zonepath", Text::kZonepath}, {"brand", Text::kBrand},
      {"pool", Text::kPool},           {"bootargs", Text::kBootargs}, {"scheduling-class", Text::kSchedulingClass},
      {"limitpriv", Text::kLimitpriv}, {"hostid", Text::kHostid},     {"fs-allowed", Text::kFsAllowed},
  };
  return texts;
}

void SetText(Napi::Object object, const char* name, const std::string& text) {
  if (!text.empty()) object.Set(name, text);
}

void SetProperties(Napi::Env env, Napi::Object object, const std::vector<Property>& properties) {
  object.Set("properties", smartadm::ToJs(env, properties, [](Napi::Env e, const Property& property) {
               return smartadm::ToJs(e, std::vector<std::string>{property.name, property.value});
             }));
}

struct ResourceToJs {
  Napi::Env env;

  Napi::Object operator()(const Attr& attr) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", attr.name);
    object.Set("type", attr.type);
    object.Set("value", attr.value);
    return object;
  }
  Napi::Object operator()(const Network& network) const {
    Napi::Object object = Napi::Object::New(env);
    SetText(object, "physical", network.physical);
    SetText(object, "address", network.address);
    SetText(object, "allowedAddress", network.allowed_address);
    SetText(object, "mac", network.mac);
    SetText(object, "vlanId", network.vlan_id);
    SetText(object, "globalNic", network.global_nic);
    SetText(object, "defrouter", network.defrouter);
    SetProperties(env, object, network.properties);
    return object;
  }
  Napi::Object operator()(const Device& device) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("match", device.match);
    SetProperties(env, object, device.properties);
    return object;
  }
  Napi::Object operator()(const Rctl& rctl) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", rctl.name);
    object.Set("values", smartadm::ToJs(env, rctl.values, [](Napi::Env e, const RctlValue& value) {
                 Napi::Object each = Napi::Object::New(e);
                 each.Set("privilege", value.privilege);
                 each.Set("limit", value.limit);
                 each.Set("action", value.action);
                 return each;
               }));
    return object;
  }
  Napi::Object operator()(const Dataset& dataset) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", dataset.name);
    return object;
  }
  Napi::Object operator()(const Filesystem& filesystem) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("special", filesystem.special);
    object.Set("dir", filesystem.directory);
    object.Set("type", filesystem.type);
    SetText(object, "raw", filesystem.raw);
    object.Set("options", smartadm::ToJs(env, filesystem.options));
    return object;
  }
  Napi::Object operator()(const Pset& pset) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("min", pset.least);
    object.Set("max", pset.most);
    SetText(object, "importance", pset.importance);
    return object;
  }
  Napi::Object operator()(const Admin& admin) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("user", admin.user);
    object.Set("auths", admin.auths);
    return object;
  }
  Napi::Object operator()(const SecurityFlags& flags) const {
    Napi::Object object = Napi::Object::New(env);
    object.Set("default", flags.defaults);
    object.Set("lower", flags.lower);
    object.Set("upper", flags.upper);
    return object;
  }
};

}  // namespace

std::string ReadText(const Napi::Value& value, const std::string& name) {
  std::string text = ReadString(value, name);
  const std::u16string units = value.As<Napi::String>().Utf16Value();
  for (size_t i = 0; i < units.size(); ++i) {
    const char16_t unit = units[i];
    const bool low_follows = i + 1 < units.size() && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000;
    const bool is_high = unit >= 0xd800 && unit < 0xdc00;
    if (is_high && low_follows) {
      ++i;
      continue;
    }
    const bool is_control = unit < 0x20 && unit != '\t' && unit != '\n' && unit != '\r';
    if (is_control || (unit >= 0xd800 && unit < 0xe000) || unit >= 0xfffe) {
      throw Napi::TypeError::New(value.Env(), name + " holds a character that XML cannot carry");
    }
  }
  return text;
}

Kind ReadKind(const Napi::Value& value) {
  const auto found = Kinds().find(ReadString(value, "kind", 32));
  if (found == Kinds().end()) throw Napi::TypeError::New(value.Env(), "kind is not one of resources");
  return found->second;
}

Resource ReadResource(Kind kind, const Napi::Value& value, bool must_fit) {
  const Napi::Object object = ReadObject(value, "resource");
  const auto text = [&](const char* name) { return ReadMember(object, name); };
  switch (kind) {
    case Kind::kAttr:
      return ReadAttr(object, must_fit);
    case Kind::kNetwork:
      return Network{text("physical"), text("address"),   text("allowedAddress"), text("mac"),
                     text("vlanId"),   text("globalNic"), text("defrouter"),      ReadProperties(object)};
    case Kind::kDevice:
      return Device{text("match"), ReadProperties(object)};
    case Kind::kRctl:
      return ReadRctl(object);
    case Kind::kDataset:
      return Dataset{text("name")};
    case Kind::kFilesystem:
      return ReadFilesystem(object);
    case Kind::kPset:
      return Pset{text("min"), text("max"), text("importance")};
    case Kind::kAdmin:
      return Admin{text("user"), text("auths")};
    case Kind::kSecurityFlags:
      return SecurityFlags{text("default"), text("lower"), text("upper")};
  }
  throw Napi::TypeError::New(value.Env(), "kind is not one of resources");
}

Text ReadTextProperty(const std::string& property, const Napi::Env& env, const char* argument) {
  const auto found = Texts().find(property);
  if (found == Texts().end()) throw Napi::TypeError::New(env, std::string(argument) + " must name a property");
  return found->second;
}

Napi::Value ToJs(Napi::Env env, const Resource& resource) { return std::visit(ResourceToJs{env}, resource); }

}  // namespace smartadm::zonecfg
