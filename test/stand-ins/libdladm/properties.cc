#include "properties.h"

#include <arpa/inet.h>
#include <strings.h>
#include <zone.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace standin {
namespace {

constexpr unsigned kAll = DATALINK_CLASS_ALL;
constexpr unsigned kPhys = DATALINK_CLASS_PHYS | DATALINK_CLASS_AGGR | DATALINK_CLASS_ETHERSTUB | DATALINK_CLASS_SIMNET;

struct PropertyRow {
  const char* name;
  unsigned classes;
  // Empty: `--`.
  const char* usual;
  // Where only some values are allowed: these, between commas.
  const char* allowed;
  bool is_list;
  bool read_only;
};

constexpr PropertyRow kRows[] = {
    {"zone", kAll, "", "", false, false},
    {"mtu", kAll, "1500", "", false, false},
    {"maxbw", kAll, "", "", false, false},
    {"priority", kAll, "high", "low,medium,high", false, false},
    {"cpus", kAll, "", "", true, false},
    {"pool", kAll, "", "", false, false},
    {"protection", kAll, "", "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof", true, false},
    {"allowed-ips", kAll, "", "", true, false},
    {"dynamic-methods", kAll, "", "dhcpv4,dhcpv6,slaac,addrconf", true, false},
    {"allowed-dhcp-cids", kAll, "", "", true, false},
    {"allow-all-dhcp-cids", kAll, "false", "true,false", false, false},
    {"promisc-filtered", DATALINK_CLASS_VNIC, "on", "on,off", false, false},
    {"secondary-macs", DATALINK_CLASS_VNIC, "", "", true, false},
    {"state", kAll, "up", "", false, true},
    {"speed", DATALINK_CLASS_PHYS, "1000", "", false, true},
    {"duplex", DATALINK_CLASS_PHYS, "full", "half,full", false, true},
    {"flowctrl", DATALINK_CLASS_PHYS, "bi", "no,tx,rx,bi", false, false},
    {"default_tag", kPhys, "1", "", false, false},
    {"learn_limit", kPhys, "1000", "", false, false},
    {"forward", kPhys, "1", "", false, false},
};

const PropertyRow* RowOf(const std::string& name) {
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const PropertyRow& row) { return ::strcasecmp(row.name, name.c_str()) == 0; });
  return found == std::end(kRows) ? nullptr : found;
}

bool IsOneOf(const std::string& value, const std::string& allowed) {
  return !value.empty() && value.find(',') == std::string::npos &&
         ("," + allowed + ",").find("," + value + ",") != std::string::npos;
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

// An address, or a network whose host bits are 0.
bool IsAddress(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  unsigned char bytes[16];
  size_t size = 0;
  if (::inet_pton(AF_INET, address.c_str(), bytes) == 1) size = 4;
  if (size == 0 && ::inet_pton(AF_INET6, address.c_str(), bytes) == 1) size = 16;
  if (size == 0) return false;
  if (slash == std::string::npos) return true;
  const std::string prefix = text.substr(slash + 1);
  if (!IsNumber(prefix) || std::stoul(prefix) > size * 8) return false;
  for (size_t bit = std::stoul(prefix); bit < size * 8; ++bit) {
    if ((bytes[bit / 8] & (0x80 >> (bit % 8))) != 0) return false;
  }
  return true;
}

// Bits a second of `10M`, powers of 1000; megabits without a letter.
double Bandwidth(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || number < 0) return -1;
  const std::string unit = end;
  if (unit.empty() || unit == "M" || unit == "m") return number * 1e6;
  if (unit == "K" || unit == "k") return number * 1e3;
  return unit == "G" || unit == "g" ? number * 1e9 : -1;
}

dladm_status_t CheckValues(const LinkEntry& entry, const PropertyRow& row, const std::vector<std::string>& values) {
  const std::string name = row.name;
  if (values.size() > DLADM_MAX_PROP_VALCNT || (!row.is_list && values.size() > 1)) return DLADM_STATUS_BADVALCNT;
  for (const std::string& value : values) {
    if (row.allowed[0] != '\0' && !IsOneOf(value, row.allowed)) return DLADM_STATUS_BADVAL;
    if (name == "mtu" && (!IsNumber(value) || std::stoul(value) < 576 || std::stoul(value) > 9000)) {
      return IsNumber(value) ? DLADM_STATUS_INVALID_MTU : DLADM_STATUS_BADVAL;
    }
    if (name == "maxbw") {
      const double bits = Bandwidth(value);
      if (bits < 0) return DLADM_STATUS_BADVAL;
      if (bits != 0 && bits < 1200e3) return DLADM_STATUS_MINMAXBW;
    }
    if (name == "allowed-ips" && !IsAddress(value)) return DLADM_STATUS_BADVAL;
    if (name == "zone" && getzoneidbyname(value.c_str()) <= 0) return DLADM_STATUS_BADVAL;
  }
  if (name == "cpus" && entry.properties.count("pool") > 0) return DLADM_STATUS_POOLCPU;
  if (name == "pool" && entry.properties.count("cpus") > 0) return DLADM_STATUS_POOLCPU;
  return DLADM_STATUS_OK;
}

}  // namespace

dladm_status_t SetLinkProperty(LinkEntry* entry, const std::string& name, const std::vector<std::string>& values) {
  const PropertyRow* row = RowOf(name);
  if (row == nullptr) return DLADM_STATUS_NOTFOUND;
  if ((row->classes & static_cast<unsigned>(entry->class_)) == 0) return DLADM_STATUS_BADARG;
  if (row->read_only) return DLADM_STATUS_PROPRDONLY;
  const dladm_status_t status = CheckValues(*entry, *row, values);
  if (status != DLADM_STATUS_OK) return status;
  if (std::strcmp(row->name, "zone") == 0) {
    entry->zone = values.empty() ? "" : values.front();
  } else if (values.empty()) {
    entry->properties.erase(row->name);
  } else {
    entry->properties[row->name] = values;
  }
  return DLADM_STATUS_OK;
}

dladm_status_t GetLinkProperty(const LinkEntry& entry, const std::string& name, dladm_prop_type_t type,
                               std::vector<std::string>* values) {
  const PropertyRow* row = RowOf(name);
  if (row == nullptr) return DLADM_STATUS_NOTFOUND;
  if ((row->classes & static_cast<unsigned>(entry.class_)) == 0) return DLADM_STATUS_BADARG;
  const bool is_zone = std::strcmp(row->name, "zone") == 0;
  const std::vector<std::string> usual =
      row->usual[0] == '\0' ? std::vector<std::string>{} : std::vector<std::string>{row->usual};
  switch (type) {
    case DLADM_PROP_VAL_DEFAULT:
      *values = usual;
      return DLADM_STATUS_OK;
    case DLADM_PROP_VAL_PERM:
      *values = {row->read_only ? "r-" : "rw"};
      return DLADM_STATUS_OK;
    case DLADM_PROP_VAL_MODIFIABLE:
      *values = {row->allowed};
      return DLADM_STATUS_OK;
    case DLADM_PROP_VAL_PERSISTENT:
      if (is_zone || (entry.flags & DLADM_OPT_PERSIST) == 0) return DLADM_STATUS_TEMPONLY;
      break;
    default:
      break;
  }
  if (is_zone) {
    *values = {entry.zone};
    return DLADM_STATUS_OK;
  }
  const auto set = entry.properties.find(row->name);
  *values = set == entry.properties.end() ? usual : set->second;
  return DLADM_STATUS_OK;
}

}  // namespace standin
