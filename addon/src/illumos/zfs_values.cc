#include "illumos/zfs_values.h"

#include <climits>
#include <string_view>
#include <utility>

namespace smartadm::zfs {
namespace {

constexpr std::pair<std::string_view, Type> kTypes[] = {{"filesystem", Type::kFilesystem},
                                                        {"volume", Type::kVolume},
                                                        {"snapshot", Type::kSnapshot},
                                                        {"bookmark", Type::kBookmark}};

std::string NameOf(Type type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return std::string(name);
  }
  return {};
}

const char* NameOf(Source source) {
  switch (source) {
    case Source::kNone:
      return "none";
    case Source::kDefault:
      return "default";
    case Source::kTemporary:
      return "temporary";
    case Source::kLocal:
      return "local";
    case Source::kInherited:
      return "inherited";
    case Source::kReceived:
      return "received";
  }
  return "none";
}

Napi::Object ToJs(Napi::Env env, const Properties& properties) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, property] : properties) {
    const Napi::HandleScope scope(env);
    Napi::Object each = Napi::Object::New(env);
    each.Set("value", property.value);
    each.Set("source", NameOf(property.source));
    if (!property.from.empty()) each.Set("from", property.from);
    object.Set(name, each);
  }
  return object;
}

}  // namespace

std::vector<std::string> ReadNames(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), name + " must be an array of strings");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> names;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    names.push_back(ReadName(array.Get(i), name + "[" + std::to_string(i) + "]"));
  }
  return names;
}

Type ReadType(const Napi::Value& value, const std::string& name) {
  const std::string text = ReadString(value, name, 32);
  for (const auto& [known, type] : kTypes) {
    if (known == text) return type;
  }
  throw Napi::TypeError::New(value.Env(), name + " must be filesystem, volume, snapshot or bookmark");
}

std::vector<Type> ReadTypes(const Napi::Value& value, const std::string& name) {
  if (value.IsUndefined()) return {Type::kFilesystem, Type::kVolume, Type::kSnapshot};
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), name + " must be an array of types");
  const auto array = value.As<Napi::Array>();
  std::vector<Type> types;
  for (uint32_t i = 0; i < array.Length(); ++i) types.push_back(ReadType(array.Get(i), name));
  return types;
}

Settings ReadSettings(const Napi::Value& value, const std::string& name) {
  if (value.IsUndefined()) return {};
  const Napi::Object object = ReadObject(value, name);
  const Napi::Array names = object.GetPropertyNames();
  Settings settings;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    const std::string key = ReadString(names.Get(i), "the name of a member of " + name);
    settings.emplace(key, ReadString(object.Get(names.Get(i)), name + "." + key));
  }
  return settings;
}

Options::Options(const Napi::Value& value)
    : env_(value.Env()), object_(value.IsUndefined() ? Napi::Object() : ReadObject(value, "options")) {}

Napi::Value Options::Get(const char* name) const { return object_.IsEmpty() ? env_.Undefined() : object_.Get(name); }

bool Options::Flag(const char* name, bool otherwise) const {
  const Napi::Value value = Get(name);
  return value.IsUndefined() ? otherwise : ReadBoolean(value, name);
}

std::string Options::Name(const char* name) const {
  const Napi::Value value = Get(name);
  if (value.IsUndefined()) return {};
  std::string text = ReadName(value, name);
  if (text.empty()) throw Napi::TypeError::New(env_, std::string(name) + " must not be empty");
  return text;
}

Asked ReadAsked(const Options& options) {
  Asked asked;
  const Napi::Value names = options.Get("properties");
  if (!names.IsUndefined()) asked.properties = ReadNames(names, "properties");
  asked.user_properties = options.Flag("userProperties", false);
  return asked;
}

Query ReadQuery(const Napi::Value& value) {
  const Options options(value);
  const Napi::Value depth = options.Get("depth");
  return {options.Name("root"), ReadTypes(options.Get("types"), "types"),
          depth.IsUndefined() ? INT_MAX : static_cast<int>(ReadInteger(depth, "depth", 0, INT_MAX)),
          ReadAsked(options)};
}

Making ReadMaking(const Napi::Value& value) {
  const Options options(value);
  return {options.Flag("parents", false), options.Flag("mount", true)};
}

Stream ReadStream(const Napi::Value& value) {
  const Options options(ReadObject(value, "stream"));
  const auto resume = ReadOptional(options.Get("resume"), [](const Napi::Value& position) {
    const Options inside(ReadObject(position, "resume"));
    return Position{ReadUint64(inside.Get("object"), "object"), ReadUint64(inside.Get("offset"), "offset")};
  });
  return {ReadName(options.Get("snapshot"), "snapshot"),
          options.Name("from"),
          options.Flag("embedded", false),
          options.Flag("largeBlocks", false),
          options.Flag("compressed", false),
          options.Flag("raw", false),
          resume};
}

Receiving ReadReceiving(const Napi::Value& value) {
  const Options options(value);
  return {options.Name("origin"), ReadSettings(options.Get("properties"), "properties"), options.Flag("force", false),
          options.Flag("mount", true), options.Flag("resumable", false)};
}

Napi::Value ToJs(Napi::Env env, const Stream& stream) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("snapshot", stream.snapshot);
  if (!stream.from.empty()) object.Set("from", stream.from);
  object.Set("embedded", stream.embedded);
  object.Set("largeBlocks", stream.large_blocks);
  object.Set("compressed", stream.compressed);
  object.Set("raw", stream.raw);
  if (stream.resume) {
    Napi::Object resume = Napi::Object::New(env);
    resume.Set("object", IdToJs(env, stream.resume->object));
    resume.Set("offset", IdToJs(env, stream.resume->offset));
    object.Set("resume", resume);
  }
  return object;
}

Napi::Value ToJs(Napi::Env env, const DatasetInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", info.name);
  object.Set("type", NameOf(info.type));
  object.Set("properties", ToJs(env, info.properties));
  return object;
}

Napi::Value ToJs(Napi::Env env, const PoolInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", info.name);
  object.Set("state", info.state);
  object.Set("properties", ToJs(env, info.properties));
  return object;
}

}  // namespace smartadm::zfs
