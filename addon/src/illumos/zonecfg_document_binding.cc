// A configuration as JavaScript has it: a handle with methods.
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "boundary/exports.h"
#include "boundary/handle.h"
#include "illumos/zonecfg_bindings.h"
#include "illumos/zonecfg_values.h"

namespace smartadm::zonecfg {
namespace {

using Info = Napi::CallbackInfo;
using Change = std::function<void(Document&)>;

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
    const Text named = ReadTextProperty(property, value.Env(), "set");
    std::optional<std::string> text;
    if (!operand.IsNull()) text = ReadText(operand, property);
    return [named, text = std::move(text)](Document& document) { document.Set(named, text); };
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
  return RunExclusively(
      info.Env(), [document, text = ReadTextProperty(property, info.Env(), "property")] { return document->Get(text); },
      kOptionalTextToJs);
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

}  // namespace

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

}  // namespace smartadm::zonecfg
