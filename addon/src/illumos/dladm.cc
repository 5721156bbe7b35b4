#include "illumos/dladm.h"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "illumos/dladm_library.h"

namespace smartadm::dladm {
namespace {

struct ClassName {
  datalink_class_t value;
  const char* name;
};
constexpr ClassName kClasses[] = {
    {DATALINK_CLASS_PHYS, "phys"},       {DATALINK_CLASS_VLAN, "vlan"},           {DATALINK_CLASS_AGGR, "aggr"},
    {DATALINK_CLASS_VNIC, "vnic"},       {DATALINK_CLASS_ETHERSTUB, "etherstub"}, {DATALINK_CLASS_SIMNET, "simnet"},
    {DATALINK_CLASS_BRIDGE, "bridge"},   {DATALINK_CLASS_IPTUN, "iptun"},         {DATALINK_CLASS_PART, "part"},
    {DATALINK_CLASS_OVERLAY, "overlay"},
};

std::string NameOfClass(datalink_class_t value) {
  for (const ClassName& each : kClasses) {
    if (each.value == value) return each.name;
  }
  return "unknown";
}

datalink_class_t ClassMask(const std::vector<std::string>& names) {
  if (names.empty()) return static_cast<datalink_class_t>(DATALINK_CLASS_ALL);
  unsigned mask = 0;
  for (const std::string& name : names) {
    const auto* found = std::find_if(std::begin(kClasses), std::end(kClasses),
                                     [&](const ClassName& each) { return name == each.name; });
    if (found == std::end(kClasses)) Check(DLADM_STATUS_BADARG, "list the links of class", name);
    mask |= static_cast<unsigned>(found->value);
  }
  return static_cast<datalink_class_t>(mask);
}

std::string MacText(const uchar_t* mac, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, i == 0 ? "%02x" : ":%02x", mac[i]);
    text += byte;
  }
  return text;
}

// Values of a property, or nothing where the link has no such property.
std::optional<std::vector<std::string>> ValuesOf(const Session& session, uint32_t id, const char* name,
                                                 dladm_prop_type_t type, dladm_status_t* status) {
  // The library's own lists are written past the nominal size of a value.
  std::vector<std::array<char, DLADM_STRSIZE>> buffers(DLADM_MAX_PROP_VALCNT);
  char* values[DLADM_MAX_PROP_VALCNT];
  for (size_t i = 0; i < DLADM_MAX_PROP_VALCNT; ++i) {
    buffers[i].fill('\0');
    values[i] = buffers[i].data();
  }
  uint_t count = DLADM_MAX_PROP_VALCNT;
  *status = Lib().dladm_get_linkprop(session, id, type, name, values, &count);
  if (*status != DLADM_STATUS_OK) return std::nullopt;
  std::vector<std::string> texts;
  for (uint_t i = 0; i < count && i < DLADM_MAX_PROP_VALCNT; ++i) {
    texts.emplace_back(values[i], ::strnlen(values[i], DLADM_STRSIZE));
  }
  return texts;
}

std::string FirstValue(const Session& session, uint32_t id, const char* name) {
  dladm_status_t status;
  const auto values = ValuesOf(session, id, name, DLADM_PROP_VAL_CURRENT, &status);
  return values && !values->empty() ? values->front() : std::string();
}

// Nothing when it has gone meanwhile.
std::optional<Link> Describe(const Session& session, uint32_t id) {
  char name[MAXLINKNAMELEN] = "";
  uint32_t flags = 0;
  uint32_t media = 0;
  datalink_class_t class_ = DATALINK_CLASS_PHYS;
  const dladm_status_t status = Lib().dladm_datalink_id2info(session, id, &flags, &class_, &media, name, sizeof name);
  if (status == DLADM_STATUS_NOTFOUND) return std::nullopt;
  Check(status, "dladm_datalink_id2info", std::to_string(id));
  Link link = {id,
               name,
               NameOfClass(class_),
               media,
               (flags & DLADM_OPT_ACTIVE) != 0,
               (flags & DLADM_OPT_PERSIST) != 0,
               (flags & DLADM_OPT_TRANSIENT) != 0,
               FirstValue(session, id, "zone"),
               {},
               {},
               {},
               {}};
  const std::string mtu = FirstValue(session, id, "mtu");
  if (!mtu.empty() && mtu.find_first_not_of("0123456789") == std::string::npos && mtu.size() < 10) {
    link.mtu = static_cast<uint32_t>(std::stoul(mtu));
  }
  if (class_ == DATALINK_CLASS_VNIC || class_ == DATALINK_CLASS_ETHERSTUB || class_ == DATALINK_CLASS_VLAN) {
    dladm_vnic_attr_t vnic = {};
    if (Lib().dladm_vnic_info(session, id, &vnic, link.active ? DLADM_OPT_ACTIVE : DLADM_OPT_PERSIST) ==
        DLADM_STATUS_OK) {
      link.over = vnic.va_link_id;
      link.vlan_id = vnic.va_vid;
      if (vnic.va_mac_len <= MAXMACADDRLEN) link.mac = MacText(vnic.va_mac_addr, vnic.va_mac_len);
    }
  }
  return link;
}

// Properties as the library takes them; it writes into what it is given.
class PropertyList {
 public:
  explicit PropertyList(const std::vector<Property>& properties) : list_(std::make_unique<dladm_arg_list_t>()) {
    if (properties.size() > DLADM_MAX_ARG_CNT) Check(DLADM_STATUS_TOOMANYELEMENTS, "set properties", "");
    for (const auto& [name, values] : properties) {
      if (values.size() > DLADM_MAX_ARG_VALS) Check(DLADM_STATUS_BADVALCNT, "set property", name);
      dladm_arg_info_t& info = list_->al_info[list_->al_count++];
      info.ai_name = Keep(name);
      for (const std::string& value : values) info.ai_val[info.ai_count++] = Keep(value);
    }
  }
  dladm_arg_list_t* get() { return list_->al_count == 0 ? nullptr : list_.get(); }

 private:
  char* Keep(const std::string& text) {
    texts_.push_back(std::make_unique<std::string>(text));
    return texts_.back()->data();
  }
  std::vector<std::unique_ptr<std::string>> texts_;
  std::unique_ptr<dladm_arg_list_t> list_;
};

// What the library says of properties that cannot be set.
class Complaints {
 public:
  Complaints() {
    Lib().dladm_errlist_reset.Require();
    Lib().dladm_errlist_init(&list_);
  }
  ~Complaints() { Lib().dladm_errlist_reset(&list_); }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;
  dladm_errlist_t* get() { return &list_; }
  std::string text() const {
    std::string all;
    for (uint_t i = 0; i < list_.el_count; ++i) all += (i == 0 ? "" : "; ") + std::string(list_.el_errs[i]);
    return all;
  }

 private:
  dladm_errlist_t list_ = {};
};

uint32_t Options(bool active, bool persistent) {
  return (active ? DLADM_OPT_ACTIVE : 0) | (persistent ? DLADM_OPT_PERSIST : 0);
}

// The library takes a name by its length without asking.
void RequireLinkName(const std::string& name) {
  if (!IsLinkName(name)) Check(DLADM_STATUS_LINKINVAL, "use as the name of a link", name);
}

// libdladm looks among the global zone's links for those of a zone that does not run.
void RequireRunning(const std::string& zone) {
  if (Lib().getzoneidbyname(zone.c_str()) == -1) Check(DLADM_STATUS_NOTFOUND, "find the running zone", zone);
}

}  // namespace

bool IsLinkName(const std::string& name) {
  return name.size() < MAXLINKNAMELEN && Lib().dladm_valid_linkname(name.c_str()) == B_TRUE;
}

std::vector<Link> List(const std::optional<std::string>& zone, const std::vector<std::string>& classes) {
  const datalink_class_t mask = ClassMask(classes);
  const Session session;
  // Asked for only afterwards: within the walk the library is busy.
  std::vector<uint32_t> ids;
  const auto collect = [](dladm_handle_t, datalink_id_t id, void* to) {
    static_cast<std::vector<uint32_t>*>(to)->push_back(id);
    return DLADM_WALK_CONTINUE;
  };
  Check(Lib().dladm_walk_datalink_id(+collect, session, &ids, mask, DATALINK_ANY_MEDIATYPE, DLADM_OPT_ACTIVE),
        "dladm_walk_datalink_id", "");
  std::vector<Link> links;
  for (const uint32_t id : ids) {
    auto link = Describe(session, id);
    if (link && (!zone || link->zone == *zone)) links.push_back(std::move(*link));
  }
  return links;
}

uint32_t Resolve(const std::string& name, const std::optional<std::string>& zone) {
  RequireLinkName(name);
  const Session session;
  datalink_id_t id = DATALINK_INVALID_LINKID;
  if (!zone) {
    Check(Lib().dladm_name2info(session, name.c_str(), &id, nullptr, nullptr, nullptr), "dladm_name2info", name);
    return id;
  }
  RequireRunning(*zone);
  Check(Lib().dladm_zname2info(session, zone->c_str(), name.c_str(), &id, nullptr, nullptr, nullptr),
        "dladm_zname2info", *zone + "/" + name);
  return id;
}

uint32_t CreateVnic(const NewVnic& vnic) {
  if (!vnic.name.empty()) RequireLinkName(vnic.name);
  struct MacType {
    const char* name;
    vnic_mac_addr_type_t value;
  };
  static constexpr MacType kMacTypes[] = {{"fixed", VNIC_MAC_ADDR_TYPE_FIXED},
                                          {"random", VNIC_MAC_ADDR_TYPE_RANDOM},
                                          {"factory", VNIC_MAC_ADDR_TYPE_FACTORY},
                                          {"auto", VNIC_MAC_ADDR_TYPE_AUTO},
                                          {"vrrp", VNIC_MAC_ADDR_TYPE_VRID}};
  const auto* type = std::find_if(std::begin(kMacTypes), std::end(kMacTypes),
                                  [&](const MacType& each) { return vnic.mac_type == each.name; });
  // Of other types it would be a prefix, or nothing that the library takes.
  const size_t mac_length = vnic.mac_type == "fixed" ? ETHERADDRL : 0;
  if (type == std::end(kMacTypes) || vnic.mac.size() != mac_length) {
    Check(DLADM_STATUS_INVALIDMACADDRTYPE, "create vnic", vnic.name);
  }
  const bool is_vrrp = type->value == VNIC_MAC_ADDR_TYPE_VRID;
  std::vector<uint8_t> mac = vnic.mac;
  int slot = -1;
  datalink_id_t id = DATALINK_INVALID_LINKID;
  PropertyList properties(vnic.properties);
  const auto zone = std::find_if(vnic.properties.begin(), vnic.properties.end(), [](const Property& property) {
    return ::strcasecmp(property.first.c_str(), "zone") == 0;
  });
  const bool has_zone = zone != vnic.properties.end();
  // When a later one failed, the library could not take the link away from the zone again.
  if (has_zone && zone + 1 != vnic.properties.end()) {
    Check(DLADM_STATUS_BADARG, "dladm_vnic_create", vnic.name, "zone must be the last of its properties");
  }
  const uint32_t flags = Options(true, !vnic.temporary) | (has_zone && vnic.temporary ? DLADM_OPT_TRANSIENT : 0);
  const Session session;
  Complaints complaints;
  const dladm_status_t status = Lib().dladm_vnic_create(
      session, vnic.name.empty() ? nullptr : vnic.name.c_str(), vnic.over, type->value,
      mac.empty() ? nullptr : mac.data(), static_cast<uint_t>(mac.size()), &slot, 0, vnic.vlan_id,
      is_vrrp ? vnic.vrid : VRRP_VRID_NONE, is_vrrp ? (vnic.inet6 ? AF_INET6 : AF_INET) : AF_UNSPEC, &id,
      properties.get(), complaints.get(), flags);
  Check(status, "dladm_vnic_create", vnic.name, complaints.text());
  return id;
}

uint32_t CreateEtherstub(const std::string& name, bool persistent) {
  RequireLinkName(name);
  const Session session;
  Complaints complaints;
  uchar_t mac[ETHERADDRL] = {};
  int slot = -1;
  datalink_id_t id = DATALINK_INVALID_LINKID;
  Check(Lib().dladm_vnic_create(session, name.c_str(), DATALINK_INVALID_LINKID, VNIC_MAC_ADDR_TYPE_AUTO, mac,
                                sizeof mac, &slot, 0, 0, VRRP_VRID_NONE, AF_UNSPEC, &id, nullptr, complaints.get(),
                                Options(true, persistent) | DLADM_OPT_ANCHOR),
        "dladm_vnic_create", name, complaints.text());
  return id;
}

void DeleteVnic(uint32_t id, bool persistent) {
  const Session session;
  Check(Lib().dladm_vnic_delete(session, id, Options(true, persistent)), "dladm_vnic_delete", std::to_string(id));
}

void Rename(const std::string& zone, const std::string& from, const std::string& to) {
  RequireLinkName(from);
  RequireLinkName(to);
  if (!zone.empty()) RequireRunning(zone);
  const Session session;
  Check(Lib().dladm_rename_link(session, zone.empty() ? nullptr : zone.c_str(), from.c_str(), to.c_str()),
        "dladm_rename_link", from);
}

std::vector<std::string> GetProperty(uint32_t id, const std::string& name, Which which) {
  static constexpr dladm_prop_type_t kTypes[] = {DLADM_PROP_VAL_CURRENT, DLADM_PROP_VAL_DEFAULT, DLADM_PROP_VAL_PERM,
                                                 DLADM_PROP_VAL_MODIFIABLE, DLADM_PROP_VAL_PERSISTENT};
  const Session session;
  dladm_status_t status;
  auto values = ValuesOf(session, id, name.c_str(), kTypes[static_cast<int>(which)], &status);
  Check(status, "dladm_get_linkprop", name);
  return std::move(*values);
}

void SetProperty(uint32_t id, const std::string& name, const std::vector<std::string>& values, bool persistent) {
  if (values.size() > DLADM_MAX_PROP_VALCNT) Check(DLADM_STATUS_BADVALCNT, "dladm_set_linkprop", name);
  std::vector<std::string> copies = values;
  std::vector<char*> pointers;
  for (std::string& copy : copies) pointers.push_back(copy.data());
  const Session session;
  Check(Lib().dladm_set_linkprop(session, id, name.c_str(), pointers.empty() ? nullptr : pointers.data(),
                                 static_cast<uint_t>(pointers.size()), Options(true, persistent)),
        "dladm_set_linkprop", name);
}

uint32_t CreateSimnet(const std::string& name, bool persistent) {
  RequireLinkName(name);
  const Session session;
  Check(Lib().dladm_simnet_create(session, name.c_str(), DL_ETHER, Options(true, persistent)), "dladm_simnet_create",
        name);
  datalink_id_t id = DATALINK_INVALID_LINKID;
  Check(Lib().dladm_name2info(session, name.c_str(), &id, nullptr, nullptr, nullptr), "dladm_name2info", name);
  return id;
}

void DeleteSimnet(uint32_t id, bool persistent) {
  const Session session;
  Check(Lib().dladm_simnet_delete(session, id, Options(true, persistent)), "dladm_simnet_delete", std::to_string(id));
}

void ConnectSimnet(uint32_t id, uint32_t other) {
  const Session session;
  Check(Lib().dladm_simnet_modify(session, id, other, DLADM_OPT_ACTIVE), "dladm_simnet_modify", std::to_string(id));
}

Aggregation AggregationOf(uint32_t id) {
  const Session session;
  dladm_aggr_grp_attr_t group = {};
  // Exactly one of the two flags: with both, or none, the library asserts.
  Check(Lib().dladm_aggr_info(session, id, &group, DLADM_OPT_ACTIVE), "dladm_aggr_info", std::to_string(id));
  const std::unique_ptr<dladm_aggr_port_attr_t, void (*)(void*)> ports(group.lg_ports, std::free);
  static constexpr const char* kModes[] = {"off", "active", "passive"};
  Aggregation result = {{}, {}, MacText(group.lg_mac, sizeof group.lg_mac), "off", "long"};
  for (uint32_t i = 0; i < group.lg_nports; ++i) result.ports.push_back(group.lg_ports[i].lp_linkid);
  if ((group.lg_policy & AGGR_POLICY_L2) != 0) result.policy.emplace_back("L2");
  if ((group.lg_policy & AGGR_POLICY_L3) != 0) result.policy.emplace_back("L3");
  if ((group.lg_policy & AGGR_POLICY_L4) != 0) result.policy.emplace_back("L4");
  if (group.lg_lacp_mode <= AGGR_LACP_PASSIVE) result.lacp_mode = kModes[group.lg_lacp_mode];
  if (group.lg_lacp_timer == AGGR_LACP_TIMER_SHORT) result.lacp_timer = "short";
  return result;
}

}  // namespace smartadm::dladm
