// Datalinks by libdladm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace smartadm::dladm {

struct Link {
  uint32_t id;
  std::string name, class_name;
  uint32_t media;
  bool active, persistent, transient;
  // Empty: the global zone's.
  std::string zone;
  // Of vnics, etherstubs and VLANs.
  std::optional<uint32_t> over;
  std::optional<std::string> mac;
  std::optional<uint16_t> vlan_id;
  std::optional<uint32_t> mtu;
};

using Property = std::pair<std::string, std::vector<std::string>>;

// Bytes that a value of a property may have.
constexpr size_t kMostValue = 2047;

struct NewVnic {
  // Chosen by the library when empty.
  std::string name;
  uint32_t over;
  // `fixed` with `mac`, else `random`, `auto`, `factory` or `vrrp` with `vrid`.
  std::string mac_type;
  std::vector<uint8_t> mac;
  uint16_t vlan_id;
  uint32_t vrid;
  bool inet6;
  // In the order in which they are set.
  std::vector<Property> properties;
  // Gone when its zone halts, or the machine; else it is kept.
  bool temporary;
};

enum class Which { kCurrent, kDefault, kPermitted, kModifiable, kPersistent };

struct Aggregation {
  std::vector<uint32_t> ports;
  std::vector<std::string> policy;
  std::string mac, lacp_mode, lacp_timer;
};

void OpenLibrary();
std::vector<std::string> MissingFunctions();

// Those of all zones, or of one; of all classes when `classes` is empty. Throws NativeError with the library's codes.
std::vector<Link> List(const std::optional<std::string>& zone, const std::vector<std::string>& classes);
// Of the caller's zone, or of a running zone. Throws DLADM_STATUS_NOTFOUND.
uint32_t Resolve(const std::string& name, const std::optional<std::string>& zone);
uint32_t CreateVnic(const NewVnic& vnic);
uint32_t CreateEtherstub(const std::string& name, bool persistent);
void DeleteVnic(uint32_t id, bool persistent);
void Rename(const std::string& zone, const std::string& from, const std::string& to);
std::vector<std::string> GetProperty(uint32_t id, const std::string& name, Which which);
// Without values the property goes back to its default.
void SetProperty(uint32_t id, const std::string& name, const std::vector<std::string>& values, bool persistent);
uint32_t CreateSimnet(const std::string& name, bool persistent);
void DeleteSimnet(uint32_t id, bool persistent);
// `other` 0 takes the connection away.
void ConnectSimnet(uint32_t id, uint32_t other);
Aggregation AggregationOf(uint32_t id);
bool IsLinkName(const std::string& name);

}  // namespace smartadm::dladm
