// A stand-in for libdladm, by its documented behaviour. State: see links/table.h. On demand: a line `FUNCTION STATUS`
// in `system/links-refuse` has every call of that function fail with that number. What the real library asserts on ends
// the process here as well.
#include <libdladm.h>
#include <libdlaggr.h>
#include <libdllink.h>
#include <libdlsim.h>
#include <libdlvnic.h>
#include <sys/socket.h>
#include <zone.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "properties.h"
#include "texts.h"

using namespace standin;

struct dladm_handle {
  // What `dladm_close` has freed is used no more.
  uint32_t alive = 0x1d1ad3;
};

namespace {

std::string RootOf(dladm_handle_t handle) {
  if (handle == nullptr || handle->alive != 0x1d1ad3) std::abort();
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || root[0] != '/') {
    std::fputs("the stand-in for libdladm needs SMARTADM_STAND_IN_ROOT\n", stderr);
    std::abort();
  }
  return root;
}

// The status that a test has asked this function to fail with.
std::optional<dladm_status_t> Refused(const std::string& root, const char* function) {
  std::ifstream file(root + "/system/links-refuse");
  std::string name;
  for (int status = 0; file >> name >> status;) {
    if (name == function) return static_cast<dladm_status_t>(status);
  }
  return std::nullopt;
}

// What nearly every function begins with.
#define SMARTADM_BEGIN(handle)                                       \
  const std::string root = RootOf(handle);                           \
  if (const auto refused = Refused(root, __func__)) return *refused; \
  LinkTable table(root)

void Give(const LinkEntry& entry, datalink_id_t* id, uint32_t* flags, datalink_class_t* class_, uint32_t* media) {
  if (id != nullptr) *id = entry.id;
  if (flags != nullptr) *flags = entry.flags;
  if (class_ != nullptr) *class_ = entry.class_;
  if (media != nullptr) *media = DL_ETHER;
}

bool IsUsed(const LinkEntry& entry) { return !entry.zone.empty() && getzoneidbyname(entry.zone.c_str()) != -1; }

}  // namespace

dladm_status_t dladm_open(dladm_handle_t* handle) {
  *handle = new dladm_handle;
  if (const auto refused = Refused(RootOf(*handle), __func__)) {
    dladm_close(*handle);
    return *refused;
  }
  return DLADM_STATUS_OK;
}

void dladm_close(dladm_handle_t handle) {
  RootOf(handle);
  handle->alive = 0;
  delete handle;
}

// Writes up to DLADM_STRSIZE bytes.
const char* dladm_status2str(dladm_status_t status, char* buffer) {
  std::memset(buffer, 0, DLADM_STRSIZE);
  std::snprintf(buffer, DLADM_STRSIZE, "%s", StatusText(status));
  return buffer;
}

boolean_t dladm_valid_linkname(const char* name) {
  const size_t length = std::strlen(name);
  if (length < 2 || length >= MAXLINKNAMELEN || std::isdigit(static_cast<unsigned char>(name[0]))) return B_FALSE;
  for (const char* at = name; *at != '\0'; ++at) {
    if (!std::isalnum(static_cast<unsigned char>(*at)) && *at != '_' && *at != '.') return B_FALSE;
  }
  size_t digits = length;
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1]))) digits -= 1;
  const bool has_number = digits < length;
  return has_number && (name[digits] != '0' || digits + 1 == length) ? B_TRUE : B_FALSE;
}

// Names and ids

dladm_status_t dladm_name2info(dladm_handle_t handle, const char* name, datalink_id_t* id, uint32_t* flags,
                               datalink_class_t* class_, uint32_t* media) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find("", name);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  Give(*found, id, flags, class_, media);
  return DLADM_STATUS_OK;
}

// Among the links of the global zone when the zone does not run.
dladm_status_t dladm_zname2info(dladm_handle_t handle, const char* zone, const char* name, datalink_id_t* id,
                                uint32_t* flags, datalink_class_t* class_, uint32_t* media) {
  SMARTADM_BEGIN(handle);
  const bool runs = zone != nullptr && getzoneidbyname(zone) > 0;
  const LinkEntry* found = table.Find(runs ? zone : "", name);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  Give(*found, id, flags, class_, media);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_datalink_id2info(dladm_handle_t handle, datalink_id_t id, uint32_t* flags,
                                      datalink_class_t* class_, uint32_t* media, char* name, size_t length) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  Give(*found, nullptr, flags, class_, media);
  if (name != nullptr && found->name.size() >= length) return DLADM_STATUS_TOOSMALL;
  if (name != nullptr) std::memcpy(name, found->name.c_str(), found->name.size() + 1);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_walk_datalink_id(int (*callback)(dladm_handle_t, datalink_id_t, void*), dladm_handle_t handle,
                                      void* data, datalink_class_t mask, datalink_media_t, uint32_t flags) {
  std::vector<LinkEntry> all;
  {
    SMARTADM_BEGIN(handle);
    all = table.All();
  }
  for (const LinkEntry& entry : all) {
    if ((entry.class_ & mask) == 0 || (entry.flags & flags) == 0) continue;
    if (callback(handle, entry.id, data) == DLADM_WALK_TERMINATE) break;
  }
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_rename_link(dladm_handle_t handle, const char* zone, const char* from, const char* to) {
  SMARTADM_BEGIN(handle);
  const std::string owner = zone == nullptr ? "" : zone;
  if (table.Find(owner, to) != nullptr) return DLADM_STATUS_EXIST;
  const LinkEntry* found = table.Find(owner, from);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  LinkEntry renamed = *found;
  renamed.name = to;
  table.Save(renamed);
  return DLADM_STATUS_OK;
}

// Vnics and etherstubs

void dladm_errlist_init(dladm_errlist_t* list) { *list = {}; }

void dladm_errlist_reset(dladm_errlist_t* list) {
  for (uint_t i = 0; i < list->el_count; ++i) std::free(list->el_errs[i]);
  std::free(list->el_errs);
  *list = {};
}

namespace {

void Complain(dladm_errlist_t* list, const std::string& text) {
  list->el_errs = static_cast<char**>(std::realloc(list->el_errs, (list->el_count + 1) * sizeof(char*)));
  list->el_errs[list->el_count++] = ::strdup(text.c_str());
  list->el_alloc = list->el_count;
}

// The address of a new vnic on the links of `over`.
dladm_status_t ChooseMac(const std::vector<LinkEntry>& all, LinkEntry* entry, vnic_mac_addr_type_t type,
                         const uchar_t* mac, uint_t length, vrid_t vrid, int family) {
  switch (type) {
    case VNIC_MAC_ADDR_TYPE_FIXED:
      if (mac == nullptr || length != ETHERADDRL) return DLADM_STATUS_INVALIDMACADDRLEN;
      entry->mac.assign(mac, mac + length);
      break;
    case VNIC_MAC_ADDR_TYPE_RANDOM:
    case VNIC_MAC_ADDR_TYPE_AUTO: {
      // A prefix of one's own is for callers that ask for one, and has its length said twice.
      if (length != 0) return DLADM_STATUS_INVALIDMACPREFIXLEN;
      unsigned last = 0;
      for (const LinkEntry& each : all) last = std::max(last, each.id);
      entry->mac = {0x02, 0x08, 0x20, 0x00, static_cast<uchar_t>((last + 1) >> 8), static_cast<uchar_t>(last + 1)};
      break;
    }
    case VNIC_MAC_ADDR_TYPE_FACTORY:
      return DLADM_STATUS_MACFACTORYNOTSUP;
    case VNIC_MAC_ADDR_TYPE_VRID:
      if (mac != nullptr || vrid < VRRP_VRID_MIN || vrid > VRRP_VRID_MAX || (family != AF_INET && family != AF_INET6)) {
        return DLADM_STATUS_BADARG;
      }
      entry->mac = {
          0x00, 0x00, 0x5e, 0x00, static_cast<uchar_t>(family == AF_INET ? 1 : 2), static_cast<uchar_t>(vrid)};
      break;
    default:
      return DLADM_STATUS_INVALIDMACADDRTYPE;
  }
  const bool is_zero = std::all_of(entry->mac.begin(), entry->mac.end(), [](uchar_t byte) { return byte == 0; });
  if (is_zero || (entry->mac[0] & 1) != 0) return DLADM_STATUS_INVALIDMACADDR;
  for (const LinkEntry& each : all) {
    const bool same_link = each.id == entry->over || (each.class_ == DATALINK_CLASS_VNIC && each.over == entry->over);
    // Vnics of different VLANs may share an address.
    if (same_link && each.mac == entry->mac && (each.id == entry->over || each.vid == entry->vid)) {
      return DLADM_STATUS_INVALIDMACADDRINUSE;
    }
  }
  entry->mac_type = type;
  return DLADM_STATUS_OK;
}

}  // namespace

dladm_status_t dladm_vnic_create(dladm_handle_t handle, const char* name, datalink_id_t over, vnic_mac_addr_type_t type,
                                 uchar_t* mac, uint_t length, int*, uint_t, uint16_t vid, vrid_t vrid, int family,
                                 datalink_id_t* id, dladm_arg_list_t* properties, dladm_errlist_t* complaints,
                                 uint32_t flags) {
  SMARTADM_BEGIN(handle);
  if ((flags & DLADM_OPT_ACTIVE) == 0) return DLADM_STATUS_BADARG;
  if (name != nullptr && dladm_valid_linkname(name) == B_FALSE) return DLADM_STATUS_LINKINVAL;
  const std::vector<LinkEntry> all = table.All();
  LinkEntry entry;
  entry.flags = flags & (DLADM_OPT_ACTIVE | DLADM_OPT_PERSIST | DLADM_OPT_TRANSIENT);
  entry.over = over;
  entry.vid = vid;
  if (name != nullptr && table.Find("", name) != nullptr) return DLADM_STATUS_EXIST;
  if ((flags & DLADM_OPT_ANCHOR) != 0) {
    if (over != DATALINK_INVALID_LINKID || vid != 0 || length != ETHERADDRL) return DLADM_STATUS_BADARG;
    entry.class_ = DATALINK_CLASS_ETHERSTUB;
  } else {
    const LinkEntry* below = table.Find(over);
    if (below == nullptr || (below->class_ & (DATALINK_CLASS_VNIC | DATALINK_CLASS_VLAN)) != 0) {
      return DLADM_STATUS_BADARG;
    }
    if (vid > 4094) return DLADM_STATUS_VIDINVAL;
    if (vid == 1 && below->class_ == DATALINK_CLASS_PHYS) return DLADM_STATUS_LINKBUSY;
    if ((flags & DLADM_OPT_PERSIST) != 0 && (below->flags & DLADM_OPT_PERSIST) == 0) {
      return DLADM_STATUS_PERSIST_ON_TEMP;
    }
    entry.class_ = DATALINK_CLASS_VNIC;
    const dladm_status_t status = ChooseMac(all, &entry, type, mac, length, vrid, family);
    if (status != DLADM_STATUS_OK) return status;
  }
  const datalink_id_t made = table.Save(entry);
  entry.id = made;
  entry.name = name == nullptr ? "vnic" + std::to_string(made) : name;
  for (uint_t i = 0; properties != nullptr && i < properties->al_count; ++i) {
    const dladm_arg_info_t& property = properties->al_info[i];
    const std::vector<std::string> values(property.ai_val, property.ai_val + property.ai_count);
    const dladm_status_t status = SetLinkProperty(&entry, property.ai_name, values);
    if (status == DLADM_STATUS_OK) continue;
    Complain(complaints, "failed to set property " + std::string(property.ai_name) + ": " + StatusText(status));
    // What a zone has been given stays.
    if (IsUsed(entry)) {
      table.Save(entry);
    } else {
      table.Remove(made);
    }
    return status;
  }
  table.Save(entry);
  if (id != nullptr) *id = made;
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_vnic_delete(dladm_handle_t handle, datalink_id_t id, uint32_t flags) {
  SMARTADM_BEGIN(handle);
  if ((flags & (DLADM_OPT_ACTIVE | DLADM_OPT_PERSIST)) == 0) return DLADM_STATUS_BADARG;
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  if ((found->class_ & (DATALINK_CLASS_VNIC | DATALINK_CLASS_ETHERSTUB)) == 0) return DLADM_STATUS_BADARG;
  if (IsUsed(*found)) return DLADM_STATUS_LINKBUSY;
  for (const LinkEntry& each : table.All()) {
    if (each.class_ == DATALINK_CLASS_VNIC && each.over == id) return DLADM_STATUS_LINKBUSY;
  }
  table.Remove(id);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_vnic_info(dladm_handle_t handle, datalink_id_t id, dladm_vnic_attr_t* attributes, uint32_t flags) {
  // The real library asserts that it is one of them.
  if (flags != DLADM_OPT_ACTIVE && flags != DLADM_OPT_PERSIST) std::abort();
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr || (found->flags & flags) == 0) return DLADM_STATUS_NOTFOUND;
  if ((found->class_ & (DATALINK_CLASS_VNIC | DATALINK_CLASS_ETHERSTUB | DATALINK_CLASS_VLAN)) == 0) {
    return DLADM_STATUS_BADARG;
  }
  std::memset(attributes, 0xa5, sizeof *attributes);
  attributes->va_vnic_id = id;
  attributes->va_link_id = found->over;
  attributes->va_mac_addr_type = static_cast<vnic_mac_addr_type_t>(found->mac_type);
  attributes->va_mac_len = static_cast<uint_t>(found->mac.size());
  std::copy(found->mac.begin(), found->mac.end(), attributes->va_mac_addr);
  attributes->va_vid = found->vid;
  return DLADM_STATUS_OK;
}

// Properties

dladm_status_t dladm_set_linkprop(dladm_handle_t handle, datalink_id_t id, const char* name, char** values,
                                  uint_t count, uint_t flags) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  if ((flags & DLADM_OPT_PERSIST) != 0 && (found->flags & DLADM_OPT_PERSIST) == 0) return DLADM_STATUS_TEMPONLY;
  LinkEntry changed = *found;
  if (name == nullptr) {
    changed.properties.clear();
  } else {
    const dladm_status_t status = SetLinkProperty(&changed, name, std::vector<std::string>(values, values + count));
    if (status != DLADM_STATUS_OK) return status;
  }
  table.Save(changed);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_get_linkprop(dladm_handle_t handle, datalink_id_t id, dladm_prop_type_t type, const char* name,
                                  char** values, uint_t* count) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  std::vector<std::string> texts;
  const dladm_status_t status = GetLinkProperty(*found, name, type, &texts);
  if (status != DLADM_STATUS_OK) return status;
  if (texts.size() > *count) return DLADM_STATUS_TOOSMALL;
  for (size_t i = 0; i < texts.size(); ++i) {
    // Written to the end of what the library takes the first buffer for.
    if (i == 0) std::memset(values[i], 0, DLADM_STRSIZE);
    std::memcpy(values[i], texts[i].c_str(), texts[i].size() + 1);
  }
  *count = static_cast<uint_t>(texts.size());
  return DLADM_STATUS_OK;
}

// Simnets and aggregations

dladm_status_t dladm_simnet_create(dladm_handle_t handle, const char* name, uint_t media, uint32_t flags) {
  SMARTADM_BEGIN(handle);
  if ((flags & DLADM_OPT_ACTIVE) == 0 || media != DL_ETHER) return DLADM_STATUS_BADARG;
  if (dladm_valid_linkname(name) == B_FALSE) return DLADM_STATUS_LINKINVAL;
  if (table.Find("", name) != nullptr) return DLADM_STATUS_EXIST;
  LinkEntry entry;
  entry.name = name;
  entry.class_ = DATALINK_CLASS_SIMNET;
  entry.flags = flags & (DLADM_OPT_ACTIVE | DLADM_OPT_PERSIST);
  entry.mac = {0x02, 0x08, 0x20, 0x51, 0x00, static_cast<uchar_t>(table.All().size() + 1)};
  table.Save(entry);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_simnet_delete(dladm_handle_t handle, datalink_id_t id, uint32_t) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  if (found->class_ != DATALINK_CLASS_SIMNET) return DLADM_STATUS_BADARG;
  for (const LinkEntry& each : table.All()) {
    if (each.class_ == DATALINK_CLASS_VNIC && each.over == id) return DLADM_STATUS_LINKBUSY;
  }
  table.Remove(id);
  return DLADM_STATUS_OK;
}

dladm_status_t dladm_simnet_modify(dladm_handle_t handle, datalink_id_t id, datalink_id_t peer, uint32_t) {
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  LinkEntry one = *found;
  if (peer != DATALINK_INVALID_LINKID) {
    const LinkEntry* other = table.Find(peer);
    if (other == nullptr) return DLADM_STATUS_NOTFOUND;
    if ((other->flags & DLADM_OPT_PERSIST) != (one.flags & DLADM_OPT_PERSIST)) return DLADM_STATUS_PERSIST_ON_TEMP;
    LinkEntry connected = *other;
    connected.peer = id;
    table.Save(connected);
  }
  one.peer = peer;
  table.Save(one);
  return DLADM_STATUS_OK;
}

// An aggregation is a link of that class whose property `ports` names the links below it.
dladm_status_t dladm_aggr_info(dladm_handle_t handle, datalink_id_t id, dladm_aggr_grp_attr_t* attributes,
                               uint32_t flags) {
  if (flags != DLADM_OPT_ACTIVE && flags != DLADM_OPT_PERSIST) std::abort();
  SMARTADM_BEGIN(handle);
  const LinkEntry* found = table.Find(id);
  if (found == nullptr) return DLADM_STATUS_NOTFOUND;
  if (found->class_ != DATALINK_CLASS_AGGR) return DLADM_STATUS_BADARG;
  const LinkEntry group = *found;
  *attributes = {};
  attributes->lg_linkid = id;
  const auto ports = group.properties.find("ports");
  const size_t count = ports == group.properties.end() ? 0 : ports->second.size();
  attributes->lg_ports = static_cast<dladm_aggr_port_attr_t*>(std::calloc(count + 1, sizeof *attributes->lg_ports));
  for (size_t i = 0; i < count; ++i) {
    const LinkEntry* port = table.Find("", ports->second[i]);
    if (port != nullptr) attributes->lg_ports[attributes->lg_nports++].lp_linkid = port->id;
  }
  attributes->lg_policy = AGGR_POLICY_L4;
  std::copy_n(group.mac.begin(), std::min<size_t>(group.mac.size(), ETHERADDRL), attributes->lg_mac);
  attributes->lg_lacp_mode = AGGR_LACP_ACTIVE;
  attributes->lg_lacp_timer = AGGR_LACP_TIMER_SHORT;
  return DLADM_STATUS_OK;
}
