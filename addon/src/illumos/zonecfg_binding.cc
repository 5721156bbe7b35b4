// What zonecfg.node exports: zonecfg.h as functions and handles.
#include <climits>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "illumos/zonecfg.h"

namespace smartadm::zonecfg {
namespace {

using Info = Napi::CallbackInfo;
using Change = std::function<void(Document&)>;

// Text that can stand in a document: a control character could be saved and then never be read again.
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

const std::map<std::string, Text>& Texts() {
  static const std::map<std::string, Text>& texts = *new std::map<std::string, Text>{
      {"name", Text::kName},           {"zonepath", Text::kZonepath}, {"brand", Text::kBrand},
      {"pool", Text::kPool},           {"bootargs", Text::kBootargs}, {"scheduling-class", Text::kSchedulingClass},
      {"limitpriv", Text::kLimitpriv}, {"hostid", Text::kHostid},     {"fs-allowed", Text::kFsAllowed},
  };
  return texts;
}

// One step of a change: `{set, value}`, `{add, value}`, `{remove, value}`, `{replace, value, with}`, `{clear}`,
// `{limit, value}`.
Change ReadChange(const Napi::Value& value) {
  const Napi::Object object = ReadObject(value, "change");
  const Napi::Value operand = object.Get("value");
  if (object.Has("set")) {
    const std::string property = ReadString(object.Get("set"), "set", 32);
    if (property == "autoboot") {
      return [autoboot = ReadBoolean(operand, property)](Document& document) { document.SetAutoboot(autoboot); };
    }
    if (property == "ip-type") {
      const std::string type = ReadString(operand, property, 16);
      if (type != "exclusive" && type != "shared") {
        throw Napi::TypeError::New(value.Env(), "ip-type must be exclusive or shared");
      }
      return [exclusive = type == "exclusive"](Document& document) { document.SetExclusiveIp(exclusive); };
    }
    const auto found = Texts().find(property);
    if (found == Texts().end()) throw Napi::TypeError::New(value.Env(), "set must name a property");
    std::optional<std::string> text;
    if (!operand.IsNull()) text = ReadText(operand, property);
    return [property = found->second, text = std::move(text)](Document& document) { document.Set(property, text); };
  }
  if (object.Has("limit")) {
    const std::string alias = ReadText(object.Get("limit"), "limit");
    if (operand.IsNull()) return [alias](Document& document) { document.RemoveLimit(alias); };
    return [alias, limit = ReadUint64(operand, "value")](Document& document) { document.SetLimit(alias, limit); };
  }
  if (object.Has("clear")) {
    return [resource = ReadText(object.Get("clear"), "clear")](Document& document) { document.RemoveAll(resource); };
  }
  if (object.Has("add")) {
    const Kind kind = ReadKind(object.Get("add"));
    return [added = ReadResource(kind, operand, true)](Document& document) { document.Add(added); };
  }
  if (object.Has("remove")) {
    const Kind kind = ReadKind(object.Get("remove"));
    return [gone = ReadResource(kind, operand, false)](Document& document) { document.Remove(gone); };
  }
  if (object.Has("replace")) {
    const Kind kind = ReadKind(object.Get("replace"));
    return [before = ReadResource(kind, operand, false), after = ReadResource(kind, object.Get("with"), true)](
               Document& document) { document.Replace(before, after); };
  }
  throw Napi::TypeError::New(value.Env(), "change must set, limit, clear, add, remove or replace something");
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

Napi::Value ToJs(Napi::Env env, const Resource& resource) { return std::visit(ResourceToJs{env}, resource); }

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

const auto kTextToJs = [](Napi::Env env, const std::string& text) { return smartadm::ToJs(env, text); };
const auto kOptionalTextToJs = [](Napi::Env env, const std::optional<std::string>& text) {
  return smartadm::ToJs(env, text);
};

std::string ReadName(const Napi::Value& value) { return ReadString(value, "name", 255); }

Source ReadSource(const Napi::Value& value) {
  const Napi::Object object = ReadObject(value, "source");
  if (object.Has("zone")) return OfZone{ReadString(object.Get("zone"), "zone", 255)};
  if (object.Has("template")) {
    return OfTemplate{ReadString(object.Get("template"), "template", 255), ReadName(object.Get("name"))};
  }
  if (object.Has("snapshot")) return OfSnapshot{ReadString(object.Get("snapshot"), "snapshot", 255)};
  if (object.Has("file")) return OfFile{ReadPath(object.Get("file"), "file")};
  throw Napi::TypeError::New(value.Env(), "source must be a zone, template, snapshot or file");
}

using DocumentHandle = std::shared_ptr<Handle<Document>>;

// A method that has the document do something off the main thread.
template <typename Read>
void ExportMethod(Napi::Object object, const char* name, const DocumentHandle& handle, Read read) {
  Export(object, name, [handle, read](const Info& info) {
    auto document = handle->Get(info.Env());
    return read(info, std::move(document));
  });
}

using Doc = std::shared_ptr<Document>;

Napi::Value GetBinding(const Info& info, Doc document) {
  const std::string property = ReadString(info[0], "property", 32);
  if (property == "autoboot") {
    return RunExclusively(
        info.Env(), [document] { return document->Autoboot(); },
        [](Napi::Env env, bool autoboot) { return smartadm::ToJs(env, autoboot); });
  }
  if (property == "ip-type") {
    return RunExclusively(
        info.Env(), [document] { return document->ExclusiveIp(); },
        [](Napi::Env env, bool exclusive) {
          return smartadm::ToJs(env, std::string(exclusive ? "exclusive" : "shared"));
        });
  }
  if (property == "debugid") {
    return RunExclusively(
        info.Env(), [document] { return document->Did(); },
        [](Napi::Env env, int32_t did) { return did == -1 ? env.Undefined() : smartadm::ToJs(env, did); });
  }
  const auto found = Texts().find(property);
  if (found == Texts().end()) throw Napi::TypeError::New(info.Env(), "property must name a property");
  return RunExclusively(
      info.Env(), [document, text = found->second] { return document->Get(text); }, kOptionalTextToJs);
}

Napi::Value ChangeBinding(const Info& info, Doc document) {
  if (!info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "changes must be an array");
  const auto array = info[0].As<Napi::Array>();
  std::vector<Change> changes;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    changes.push_back(ReadChange(array.Get(i)));
  }
  return RunExclusively(info.Env(), [document, changes = std::move(changes)] {
    for (const Change& change : changes) change(*document);
  });
}

Napi::Value ListBinding(const Info& info, Doc document) {
  return RunExclusively(
      info.Env(), [document, kind = ReadKind(info[0])] { return document->List(kind); },
      [](Napi::Env env, const std::vector<Resource>& list) {
        return smartadm::ToJs(env, list, [](Napi::Env e, const Resource& resource) { return ToJs(e, resource); });
      });
}

Napi::Value FindBinding(const Info& info, Doc document) {
  const Kind kind = ReadKind(info[0]);
  return RunExclusively(
      info.Env(), [document, wanted = ReadResource(kind, info[1], false)] { return document->Find(wanted); },
      [](Napi::Env env, const std::optional<Resource>& found) { return found ? ToJs(env, *found) : env.Undefined(); });
}

Napi::Value CountBinding(const Info& info, Doc document) {
  return RunExclusively(
      info.Env(), [document, resource = ReadString(info[0], "resource", 64)] { return document->Count(resource); },
      [](Napi::Env env, int count) { return smartadm::ToJs(env, count); });
}

Napi::Value LimitBinding(const Info& info, Doc document) {
  return RunExclusively(
      info.Env(), [document, alias = ReadString(info[0], "alias", 64)] { return document->Limit(alias); },
      [](Napi::Env env, std::optional<uint64_t> limit) { return limit ? IdToJs(env, *limit) : env.Undefined(); });
}

Napi::Value OpenBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [source = ReadSource(info[0])] { return std::make_shared<Document>(source); },
      [](Napi::Env env, std::shared_ptr<Document> document) {
        auto [object, handle] = NewHandle(env, std::move(document));
        ExportMethod(object, "get", handle, GetBinding);
        ExportMethod(object, "change", handle, ChangeBinding);
        ExportMethod(object, "list", handle, ListBinding);
        ExportMethod(object, "find", handle, FindBinding);
        ExportMethod(object, "count", handle, CountBinding);
        ExportMethod(object, "limit", handle, LimitBinding);
        ExportMethod(object, "assignDebugId", handle, [](const Info& call, Doc doc) {
          return RunExclusively(
              call.Env(), [doc] { return doc->AssignDid(); },
              [](Napi::Env e, int32_t did) { return smartadm::ToJs(e, did); });
        });
        ExportMethod(object, "fixObsolete", handle, [](const Info& call, Doc doc) {
          return RunExclusively(
              call.Env(), [doc] { return doc->FixObsolete(); },
              [](Napi::Env e, bool changed) { return smartadm::ToJs(e, changed); });
        });
        ExportMethod(object, "save", handle,
                     [](const Info& call, Doc doc) { return RunExclusively(call.Env(), [doc] { doc->Save(); }); });
        ExportMethod(object, "notifyCreate", handle, [](const Info& call, Doc doc) {
          return RunExclusively(call.Env(), [doc] { doc->NotifyCreate(); });
        });
        return object;
      });
}

Napi::Value ListZonesBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return zonecfg::List(); },
      [](Napi::Env env, const std::vector<IndexEntry>& list) {
        return smartadm::ToJs(env, list, [](Napi::Env e, const IndexEntry& entry) {
          Napi::Object object = Napi::Object::New(e);
          object.Set("name", entry.name);
          object.Set("state", entry.state);
          object.Set("zonepath", entry.zonepath);
          object.Set("uuid", smartadm::ToJs(e, entry.uuid));
          object.Set("brand", entry.brand);
          object.Set("ipType", entry.exclusive_ip ? "exclusive" : "shared");
          object.Set("debugId", smartadm::ToJs(e, entry.did));
          return object;
        });
      });
}

Napi::Value StateBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return StateOf(name); }, kOptionalTextToJs);
}

Napi::Value SetStateBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0]), state = ReadString(info[1], "state", 32)] { SetState(name, state); });
}

Napi::Value DestroyBinding(const Info& info) {
  return RunExclusively(info.Env(),
                        [name = ReadName(info[0]), force = ReadBoolean(info[1], "force")] { Destroy(name, force); });
}

Napi::Value UuidBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return UuidOf(name); }, kOptionalTextToJs);
}

Napi::Value SetUuidBinding(const Info& info) {
  return RunExclusively(info.Env(), [name = ReadName(info[0]), zonepath = ReadText(info[1], "zonepath"),
                                     uuid = ReadString(info[2], "uuid", 255)] { SetUuid(name, zonepath, uuid); });
}

Napi::Value NameOfUuidBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [uuid = ReadString(info[0], "uuid", 255)] { return NameOfUuid(uuid); }, kOptionalTextToJs);
}

Napi::Value ZonepathBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return ZonepathOf(name); }, kTextToJs);
}

Napi::Value BrandOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return BrandOf(name); }, kTextToJs);
}

Napi::Value DefaultBrandBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return DefaultBrand(); }, kTextToJs);
}

Napi::Value IsZoneNameBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadString(info[0], "name")] { return CheckName(name) == Z_OK; },
      [](Napi::Env env, bool good) { return smartadm::ToJs(env, good); });
}

Napi::Value ApplyRctlsBinding(const Info& info) {
  return RunExclusively(info.Env(), [name = ReadName(info[0])] { ApplyRctls(name); });
}

Napi::Value MountsUnderBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [path = ReadPath(info[0], "path")] { return MountsUnder(path); },
      [](Napi::Env env, int count) { return smartadm::ToJs(env, count); });
}

Napi::Value RunningIdsBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return RunningIds(); },
      [](Napi::Env env, const std::vector<int32_t>& ids) {
        return smartadm::ToJs(env, ids, [](Napi::Env e, int32_t id) { return smartadm::ToJs(e, id); });
      });
}

int32_t ReadId(const Napi::Value& value) { return static_cast<int32_t>(ReadInteger(value, "id", 0, INT_MAX)); }

Napi::Value IdOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return IdOf(name); },
      [](Napi::Env env, std::optional<int32_t> id) { return smartadm::ToJs(env, id); });
}

Napi::Value NameOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return NameOf(id); }, kOptionalTextToJs);
}

Napi::Value RunningBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return Running(id); },
      [](Napi::Env env, const std::optional<RunningZone>& zone) -> Napi::Value {
        if (!zone) return env.Undefined();
        Napi::Object object = Napi::Object::New(env);
        object.Set("name", zone->name);
        object.Set("root", zone->root);
        object.Set("status", zone->status);
        object.Set("brand", zone->brand);
        object.Set("initName", zone->init_name);
        object.Set("bootargs", zone->bootargs);
        object.Set("schedulingClass", zone->scheduling_class);
        object.Set("fsAllowed", zone->fs_allowed);
        object.Set("uniqueId", IdToJs(env, zone->uniqid));
        object.Set("ipType", zone->exclusive_ip ? "exclusive" : "shared");
        object.Set("initPid", smartadm::ToJs(env, zone->init_pid));
        object.Set("hostid", smartadm::ToJs(env, zone->hostid));
        object.Set("debugId", smartadm::ToJs(env, zone->did));
        return object;
      });
}

Napi::Value DatalinksBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return DatalinksOf(id); },
      [](Napi::Env env, const std::vector<uint32_t>& links) {
        return smartadm::ToJs(env, links, [](Napi::Env e, uint32_t link) { return smartadm::ToJs(e, link); });
      });
}

Napi::Value BrandInfoBinding(const Info& info) {
  return RunExclusively(
      info.Env(),
      [brand = ReadString(info[0], "brand", 255), zone = ReadString(info[1], "zone", 255),
       zonepath = ReadText(info[2], "zonepath")] { return BrandInfo(brand, zone, zonepath); },
      [](Napi::Env env, const std::optional<Brand>& brand) -> Napi::Value {
        if (!brand) return env.Undefined();
        Napi::Object hooks = Napi::Object::New(env);
        for (const auto& [name, command] : brand->hooks) {
          if (command && !command->empty()) hooks.Set(name, *command);
        }
        Napi::Object object = Napi::Object::New(env);
        object.Set("initName", brand->init_name);
        object.Set("kernelModule", brand->kernel_module);
        object.Set("installOptions", brand->install_options);
        object.Set("verifyConfiguration", brand->verify_configuration);
        object.Set("restartInit", brand->restart_init);
        object.Set("allowExclusiveIp", brand->allow_exclusive_ip);
        object.Set("hooks", hooks);
        return object;
      });
}

Napi::Value PingZoneadmdBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return PingZoneadmd(name); },
      [](Napi::Env env, bool answers) { return smartadm::ToJs(env, answers); });
}

zone_cmd_t ReadCommand(const Napi::Value& value) {
  static constexpr std::pair<std::string_view, zone_cmd_t> kCommands[] = {{"ready", Z_READY},
                                                                          {"boot", Z_BOOT},
                                                                          {"forceboot", Z_FORCEBOOT},
                                                                          {"reboot", Z_REBOOT},
                                                                          {"halt", Z_HALT},
                                                                          {"shutdown", Z_SHUTDOWN},
                                                                          {"note-uninstalling", Z_NOTE_UNINSTALLING}};
  const std::string name = ReadString(value, "command", 32);
  for (const auto& [known, command] : kCommands) {
    if (known == name) return command;
  }
  throw Napi::TypeError::New(value.Env(), "command is not one of zoneadmd's");
}

Napi::Value CallZoneadmdBinding(const Info& info) {
  return RunOnThread(
      info.Env(),
      [name = ReadName(info[0]), command = ReadCommand(info[1]), bootargs = ReadString(info[2], "bootargs", 1024),
       debug = ReadBoolean(info[3], "debug")] { return CallZoneadmd(name, command, bootargs, debug); },
      [](Napi::Env env, const std::optional<Answer>& answer) -> Napi::Value {
        if (!answer) return env.Undefined();
        Napi::Object object = Napi::Object::New(env);
        object.Set("result", smartadm::ToJs(env, answer->result));
        object.Set("messages", answer->messages);
        return object;
      });
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "open", OpenBinding);
  Export(exports, "list", ListZonesBinding);
  Export(exports, "state", StateBinding);
  Export(exports, "setState", SetStateBinding);
  Export(exports, "destroy", DestroyBinding);
  Export(exports, "uuid", UuidBinding);
  Export(exports, "setUuid", SetUuidBinding);
  Export(exports, "nameOfUuid", NameOfUuidBinding);
  Export(exports, "zonepath", ZonepathBinding);
  Export(exports, "brand", BrandOfBinding);
  Export(exports, "defaultBrand", DefaultBrandBinding);
  Export(exports, "isZoneName", IsZoneNameBinding);
  Export(exports, "applyRctls", ApplyRctlsBinding);
  Export(exports, "mountsUnder", MountsUnderBinding);
  Export(exports, "runningIds", RunningIdsBinding);
  Export(exports, "idOf", IdOfBinding);
  Export(exports, "nameOf", NameOfBinding);
  Export(exports, "running", RunningBinding);
  Export(exports, "datalinks", DatalinksBinding);
  Export(exports, "brandInfo", BrandInfoBinding);
  Export(exports, "pingZoneadmd", PingZoneadmdBinding);
  Export(exports, "callZoneadmd", CallZoneadmdBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(zonecfg, Init)

}  // namespace
}  // namespace smartadm::zonecfg
