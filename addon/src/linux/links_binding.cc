// What netlink.node exports: the operations of links.h as functions that return promises.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "boundary/work.h"
#include "linux/links.h"

namespace smartadm::netlink {
namespace {

struct Nothing {};

Napi::Value Undefined(Napi::Env env, Nothing) { return env.Undefined(); }

std::string Text(const Napi::Value& value, const char* what) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos || text.size() > 4096) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " is too long or holds a zero byte");
  }
  return text;
}

int64_t Integer(const Napi::Value& value, const char* what, int64_t least, int64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0.5;
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      number != static_cast<double>(static_cast<int64_t>(number))) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an integer from " + std::to_string(least) +
                                                " to " + std::to_string(most));
  }
  return static_cast<int64_t>(number);
}

bool Absent(const Napi::Value& value) { return value.IsUndefined(); }

Napi::Object Fields(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an object");
  return value.As<Napi::Object>();
}

Namespace ReadNamespace(const Napi::Value& value) {
  if (Absent(value)) return {};
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const Napi::Object fields = Fields(value, "namespace");
  const Napi::Value pid = fields.Get("pid");
  const Napi::Value fd = fields.Get("fd");
  if (Absent(pid) == Absent(fd)) throw Napi::TypeError::New(value.Env(), "namespace must have either pid or fd");
  if (!Absent(pid)) return {Namespace::Kind::kPid, static_cast<int>(Integer(pid, "namespace.pid", 1, kMost))};
  return {Namespace::Kind::kFd, static_cast<int>(Integer(fd, "namespace.fd", 0, kMost))};
}

std::optional<std::string> ReadText(const Napi::Object& fields, const char* name) {
  const Napi::Value value = fields.Get(name);
  if (Absent(value)) return std::nullopt;
  return Text(value, name);
}

std::optional<uint32_t> ReadMtu(const Napi::Object& fields) {
  const Napi::Value value = fields.Get("mtu");
  if (Absent(value)) return std::nullopt;
  return static_cast<uint32_t>(Integer(value, "mtu", 68, 65535));
}

LinkOptions ReadOptions(const Napi::Value& value) {
  if (Absent(value)) return {};
  const Napi::Object fields = Fields(value, "options");
  return {ReadMtu(fields), ReadText(fields, "mac")};
}

Napi::Value FromLink(Napi::Env env, const Link& link) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", link.index);
  object.Set("name", link.name);
  object.Set("kind", link.kind);
  object.Set("up", link.up);
  object.Set("loopback", link.loopback);
  object.Set("mtu", link.mtu);
  object.Set("mac", link.mac);
  object.Set("master", link.master);
  object.Set("alias", link.alias);
  return object;
}

Napi::Value FromAddress(Napi::Env env, const Address& address) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("link", address.link);
  object.Set("cidr", address.cidr);
  object.Set("linkLocal", address.link_local);
  return object;
}

Napi::Value FromRoute(Napi::Env env, const Route& route) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("destination", route.destination);
  object.Set("family", route.family);
  object.Set("gateway", route.gateway);
  object.Set("link", route.link);
  return object;
}

template <typename T>
Napi::Value FromList(Napi::Env env, const std::vector<T>& list, Napi::Value (*convert)(Napi::Env, const T&)) {
  Napi::Array array = Napi::Array::New(env, list.size());
  for (size_t i = 0; i < list.size(); ++i) array.Set(static_cast<uint32_t>(i), convert(env, list[i]));
  return array;
}

// Runs `work` on a worker thread; its promise has no value.
Napi::Value Perform(Napi::Env env, std::function<void()> work) {
  return RunWork<Nothing>(
      env,
      [work = std::move(work)] {
        work();
        return Nothing{};
      },
      Undefined);
}

Napi::Value Links(const Napi::CallbackInfo& info) {
  const Namespace in = ReadNamespace(info[0]);
  return RunWork<std::vector<Link>>(
      info.Env(), [in] { return ListLinks(in); },
      [](Napi::Env env, const std::vector<Link>& links) { return FromList(env, links, FromLink); });
}

Napi::Value Find(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork<std::optional<Link>>(
      info.Env(), [in, name] { return FindLink(in, name); },
      [](Napi::Env env, const std::optional<Link>& link) { return link ? FromLink(env, *link) : env.Undefined(); });
}

Napi::Value NewBridge(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const LinkOptions options = ReadOptions(info[1]);
  const Namespace in = ReadNamespace(info[2]);
  return Perform(info.Env(), [=] { CreateBridge(in, name, options); });
}

Napi::Value NewVeth(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Napi::Object fields = Fields(info[1], "peer");
  const Peer peer{Text(fields.Get("name"), "peer.name"), ReadText(fields, "mac"),
                  ReadNamespace(fields.Get("namespace"))};
  const LinkOptions options = ReadOptions(info[2]);
  const Namespace in = ReadNamespace(info[3]);
  return Perform(info.Env(), [=] { CreateVeth(in, name, options, peer); });
}

Napi::Value NewVlan(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const std::string parent = Text(info[1], "parent");
  const auto id = static_cast<uint16_t>(Integer(info[2], "id", 1, 4094));
  const Namespace in = ReadNamespace(info[3]);
  return Perform(info.Env(), [=] { CreateVlan(in, name, parent, id); });
}

Napi::Value Delete(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Namespace in = ReadNamespace(info[1]);
  return Perform(info.Env(), [=] { DeleteLink(in, name); });
}

Napi::Value Change(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Napi::Object fields = Fields(info[1], "change");
  LinkChange change;
  const Napi::Value up = fields.Get("up");
  if (!Absent(up)) {
    if (!up.IsBoolean()) throw Napi::TypeError::New(info.Env(), "up must be a boolean");
    change.up = up.As<Napi::Boolean>().Value();
  }
  change.mtu = ReadMtu(fields);
  change.mac = ReadText(fields, "mac");
  change.master = ReadText(fields, "master");
  change.name = ReadText(fields, "name");
  change.alias = ReadText(fields, "alias");
  const Napi::Value where = fields.Get("namespace");
  if (!Absent(where)) change.where = ReadNamespace(where);
  const Namespace in = ReadNamespace(info[2]);
  return Perform(info.Env(), [=] { ChangeLink(in, name, change); });
}

Napi::Value Addresses(const Napi::CallbackInfo& info) {
  const std::string link = Absent(info[0]) ? "" : Text(info[0], "link");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork<std::vector<Address>>(
      info.Env(), [in, link] { return ListAddresses(in, link); },
      [](Napi::Env env, const std::vector<Address>& list) { return FromList(env, list, FromAddress); });
}

template <void (*Operation)(const Namespace&, const std::string&, const std::string&)>
Napi::Value OnAddress(const Napi::CallbackInfo& info) {
  const std::string link = Text(info[0], "link");
  const std::string cidr = Text(info[1], "cidr");
  const Namespace in = ReadNamespace(info[2]);
  return Perform(info.Env(), [=] { Operation(in, link, cidr); });
}

Napi::Value Routes(const Napi::CallbackInfo& info) {
  const Namespace in = ReadNamespace(info[0]);
  return RunWork<std::vector<Route>>(
      info.Env(), [in] { return ListRoutes(in); },
      [](Napi::Env env, const std::vector<Route>& list) { return FromList(env, list, FromRoute); });
}

template <void (*Operation)(const Namespace&, const std::string&, const std::string&, const std::string&)>
Napi::Value OnRoute(const Napi::CallbackInfo& info) {
  const Napi::Object fields = Fields(info[0], "route");
  const std::string destination = Text(fields.Get("destination"), "route.destination");
  const std::string gateway = ReadText(fields, "gateway").value_or("");
  const std::string link = ReadText(fields, "link").value_or("");
  const Namespace in = ReadNamespace(info[1]);
  return Perform(info.Env(), [=] { Operation(in, destination, gateway, link); });
}

Napi::Object Export(Napi::Env env, Napi::Object exports) {
  exports.Set("links", Napi::Function::New(env, Links, "links"));
  exports.Set("findLink", Napi::Function::New(env, Find, "findLink"));
  exports.Set("createBridge", Napi::Function::New(env, NewBridge, "createBridge"));
  exports.Set("createVeth", Napi::Function::New(env, NewVeth, "createVeth"));
  exports.Set("createVlan", Napi::Function::New(env, NewVlan, "createVlan"));
  exports.Set("deleteLink", Napi::Function::New(env, Delete, "deleteLink"));
  exports.Set("changeLink", Napi::Function::New(env, Change, "changeLink"));
  exports.Set("addresses", Napi::Function::New(env, Addresses, "addresses"));
  exports.Set("addAddress", Napi::Function::New(env, OnAddress<AddAddress>, "addAddress"));
  exports.Set("deleteAddress", Napi::Function::New(env, OnAddress<DeleteAddress>, "deleteAddress"));
  exports.Set("routes", Napi::Function::New(env, Routes, "routes"));
  exports.Set("addRoute", Napi::Function::New(env, OnRoute<AddRoute>, "addRoute"));
  exports.Set("deleteRoute", Napi::Function::New(env, OnRoute<DeleteRoute>, "deleteRoute"));
  return exports;
}

}  // namespace

NODE_API_MODULE(netlink, Export)

}  // namespace smartadm::netlink
