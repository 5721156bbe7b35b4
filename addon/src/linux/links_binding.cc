// What netlink.node exports: the operations of links.h, addresses.h and routes.h as functions that return promises.
#include <napi.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "linux/addresses.h"
#include "linux/links.h"
#include "linux/routes.h"

namespace smartadm::netlink {
namespace {

constexpr size_t kMostText = 4096;

std::string Text(const Napi::Value& value, const char* name) { return ReadString(value, name, kMostText); }

Namespace ReadNamespace(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const Napi::Object fields = ReadObject(value, "namespace");
  const Napi::Value pid = fields.Get("pid");
  const Napi::Value fd = fields.Get("fd");
  if (pid.IsUndefined() == fd.IsUndefined()) {
    throw Napi::TypeError::New(value.Env(), "namespace must have either pid or fd");
  }
  if (!pid.IsUndefined()) return {Namespace::Kind::kPid, static_cast<int>(ReadInteger(pid, "namespace.pid", 1, kMost))};
  return {Namespace::Kind::kFd, static_cast<int>(ReadInteger(fd, "namespace.fd", 0, kMost))};
}

std::optional<std::string> ReadText(const Napi::Object& fields, const char* name) {
  return ReadOptional(fields.Get(name), [name](const Napi::Value& value) { return Text(value, name); });
}

std::optional<uint32_t> ReadMtu(const Napi::Object& fields) {
  return ReadOptional(fields.Get("mtu"), [](const Napi::Value& value) {
    return static_cast<uint32_t>(ReadInteger(value, "mtu", 68, 65535));
  });
}

LinkOptions ReadOptions(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  const Napi::Object fields = ReadObject(value, "options");
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

Napi::Value Links(const Napi::CallbackInfo& info) {
  const Namespace in = ReadNamespace(info[0]);
  return RunWork(
      info.Env(), [in] { return ListLinks(in); },
      [](Napi::Env env, const std::vector<Link>& list) { return ToJs(env, list, FromLink); });
}

Napi::Value Find(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork(
      info.Env(), [in, name] { return FindLink(in, name); },
      [](Napi::Env env, const std::optional<Link>& link) { return link ? FromLink(env, *link) : env.Undefined(); });
}

Napi::Value NewBridge(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const LinkOptions options = ReadOptions(info[1]);
  const Namespace in = ReadNamespace(info[2]);
  return RunWork(info.Env(), [=] { CreateBridge(in, name, options); });
}

Napi::Value NewVeth(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Napi::Object fields = ReadObject(info[1], "peer");
  const Peer peer{Text(fields.Get("name"), "peer.name"), ReadText(fields, "mac"),
                  ReadNamespace(fields.Get("namespace"))};
  const LinkOptions options = ReadOptions(info[2]);
  const Namespace in = ReadNamespace(info[3]);
  return RunWork(info.Env(), [=] { CreateVeth(in, name, options, peer); });
}

Napi::Value NewVlan(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const std::string parent = Text(info[1], "parent");
  const auto id = static_cast<uint16_t>(ReadInteger(info[2], "id", 1, 4094));
  const Namespace in = ReadNamespace(info[3]);
  return RunWork(info.Env(), [=] { CreateVlan(in, name, parent, id); });
}

Napi::Value Delete(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork(info.Env(), [=] { DeleteLink(in, name); });
}

Napi::Value Change(const Napi::CallbackInfo& info) {
  const std::string name = Text(info[0], "name");
  const Napi::Object fields = ReadObject(info[1], "change");
  LinkChange change;
  change.up = ReadOptional(fields.Get("up"), [](const Napi::Value& value) { return ReadBoolean(value, "up"); });
  change.mtu = ReadMtu(fields);
  change.mac = ReadText(fields, "mac");
  change.master = ReadText(fields, "master");
  change.name = ReadText(fields, "name");
  change.alias = ReadText(fields, "alias");
  change.where = ReadOptional(fields.Get("namespace"), ReadNamespace);
  const Namespace in = ReadNamespace(info[2]);
  return RunWork(info.Env(), [=] { ChangeLink(in, name, change); });
}

Napi::Value Addresses(const Napi::CallbackInfo& info) {
  const std::string link = info[0].IsUndefined() ? "" : Text(info[0], "link");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork(
      info.Env(), [in, link] { return ListAddresses(in, link); },
      [](Napi::Env env, const std::vector<Address>& list) { return ToJs(env, list, FromAddress); });
}

Napi::Value NewAddress(const Napi::CallbackInfo& info) {
  const std::string link = Text(info[0], "link");
  const std::string cidr = Text(info[1], "cidr");
  const Namespace in = ReadNamespace(info[2]);
  return RunWork(info.Env(), [=] { AddAddress(in, link, cidr); });
}

Napi::Value Routes(const Napi::CallbackInfo& info) {
  const Namespace in = ReadNamespace(info[0]);
  return RunWork(
      info.Env(), [in] { return ListRoutes(in); },
      [](Napi::Env env, const std::vector<Route>& list) { return ToJs(env, list, FromRoute); });
}

template <void (*Operation)(const Namespace&, const std::string&, const std::string&, const std::string&)>
Napi::Value OnRoute(const Napi::CallbackInfo& info) {
  const Napi::Object fields = ReadObject(info[0], "route");
  const std::string destination = Text(fields.Get("destination"), "route.destination");
  const std::string gateway = ReadText(fields, "gateway").value_or("");
  const std::string link = ReadText(fields, "link").value_or("");
  const Namespace in = ReadNamespace(info[1]);
  return RunWork(info.Env(), [=] { Operation(in, destination, gateway, link); });
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return Guarded(env, [&] {
    Export(exports, "links", Links);
    Export(exports, "findLink", Find);
    Export(exports, "createBridge", NewBridge);
    Export(exports, "createVeth", NewVeth);
    Export(exports, "createVlan", NewVlan);
    Export(exports, "deleteLink", Delete);
    Export(exports, "changeLink", Change);
    Export(exports, "addresses", Addresses);
    Export(exports, "addAddress", NewAddress);
    Export(exports, "routes", Routes);
    Export(exports, "addRoute", OnRoute<AddRoute>);
    Export(exports, "deleteRoute", OnRoute<DeleteRoute>);
    return exports;
  });
}

}  // namespace

NODE_API_MODULE(netlink, Init)

}  // namespace smartadm::netlink
