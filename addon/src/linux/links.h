// Links, addresses and routes of one network namespace over rtnetlink, by libmnl. Plain C++: knows nothing of Node.
// Not called netlink.h, since that would hide the kernel header of this name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smartadm::netlink {

// The network namespace an operation happens in: the caller's, that of a process, or an open one.
struct Namespace {
  enum class Kind { kOwn, kPid, kFd };
  Kind kind = Kind::kOwn;
  int id = 0;
};

struct Link {
  uint32_t index = 0;
  std::string name;
  // `bridge`, `veth`, …; empty for devices of hardware and for lo.
  std::string kind;
  bool up = false;
  bool loopback = false;
  uint32_t mtu = 0;
  // Lower case with colons; empty where the link has none.
  std::string mac;
  // Name of the bridge it is a port of; empty without one.
  std::string master;
  std::string alias;
};

struct LinkOptions {
  std::optional<uint32_t> mtu;
  std::optional<std::string> mac;
};

struct Peer {
  std::string name;
  std::optional<std::string> mac;
  Namespace where;
};

struct LinkChange {
  std::optional<bool> up;
  std::optional<uint32_t> mtu;
  std::optional<std::string> mac;
  // An empty name takes the link out of its bridge.
  std::optional<std::string> master;
  std::optional<std::string> name;
  std::optional<std::string> alias;
  // Moves the link.
  std::optional<Namespace> where;
};

struct Address {
  std::string link;
  // Address and prefix length, e.g. `10.0.0.1/24`.
  std::string cidr;
  bool link_local = false;
};

struct Route {
  // `default`, or a network in CIDR form.
  std::string destination;
  std::string family;
  // Empty where the network is directly on the link.
  std::string gateway;
  std::string link;
};

// All of these throw NativeError with the name of the errno as code: ENODEV, EEXIST, EPERM, EOPNOTSUPP, EINVAL, ….
std::vector<Link> ListLinks(const Namespace& in);
std::optional<Link> FindLink(const Namespace& in, const std::string& name);
void CreateBridge(const Namespace& in, const std::string& name, const LinkOptions& options);
void CreateVeth(const Namespace& in, const std::string& name, const LinkOptions& options, const Peer& peer);
void CreateVlan(const Namespace& in, const std::string& name, const std::string& parent, uint16_t id);
void DeleteLink(const Namespace& in, const std::string& name);
void ChangeLink(const Namespace& in, const std::string& name, const LinkChange& change);

// Of one link, or of all when `link` is empty.
std::vector<Address> ListAddresses(const Namespace& in, const std::string& link);
void AddAddress(const Namespace& in, const std::string& link, const std::string& cidr);
void DeleteAddress(const Namespace& in, const std::string& link, const std::string& cidr);

// Those of the main table.
std::vector<Route> ListRoutes(const Namespace& in);
// `gateway` or `link` may be empty, not both.
void AddRoute(const Namespace& in, const std::string& destination, const std::string& gateway, const std::string& link);
void DeleteRoute(const Namespace& in, const std::string& destination, const std::string& gateway,
                 const std::string& link);

}  // namespace smartadm::netlink
