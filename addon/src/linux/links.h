// Links of one network namespace, over rtnetlink. Plain C++: knows nothing of Node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/network_namespace.h"

namespace smartadm::netlink {

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

// All of these throw NativeError with the name of the errno as code: ENODEV, EEXIST, EPERM, EOPNOTSUPP, EINVAL, ….
std::vector<Link> ListLinks(const Namespace& in);
std::optional<Link> FindLink(const Namespace& in, const std::string& name);
void CreateBridge(const Namespace& in, const std::string& name, const LinkOptions& options);
void CreateVeth(const Namespace& in, const std::string& name, const LinkOptions& options, const Peer& peer);
void CreateVlan(const Namespace& in, const std::string& name, const std::string& parent, uint16_t id);
void DeleteLink(const Namespace& in, const std::string& name);
void ChangeLink(const Namespace& in, const std::string& name, const LinkChange& change);

}  // namespace smartadm::netlink
