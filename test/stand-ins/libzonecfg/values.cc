// Values: resource controls and their aliases, sizes, addresses, typed attributes, texts of errors.
#include <arpa/inet.h>
#include <netdb.h>

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "stand_in.h"

using namespace standin;

namespace {

struct Alias {
  const char* name;
  const char* rctl;
  const char* action;
  uint64_t least;
};

constexpr Alias kAliases[] = {
    {"max-lwps", "zone.max-lwps", "deny", 100},
    {"max-processes", "zone.max-processes", "deny", 100},
    {"max-shm-memory", "zone.max-shm-memory", "deny", 0},
    {"max-shm-ids", "zone.max-shm-ids", "deny", 0},
    {"max-msg-ids", "zone.max-msg-ids", "deny", 0},
    {"max-sem-ids", "zone.max-sem-ids", "deny", 0},
    {"locked", "zone.max-locked-memory", "deny", 0},
    {"swap", "zone.max-swap", "deny", 0},
    {"physical", "zone.max-physical-memory", "deny", 1048576},
    {"cpu-shares", "zone.cpu-shares", "none", 0},
    {"cpu-cap", "zone.cpu-cap", "deny", 0},
    {"zfs-io-priority", "zone.zfs-io-priority", "none", 0},
};

const Alias* FindAlias(const std::string& name) {
  for (const Alias& alias : kAliases) {
    if (name == alias.name) return &alias;
  }
  return nullptr;
}

// The whole text as a number; blanks before it and the empty text pass.
bool Number(const char* text, int base, unsigned long long* number) {
  char* end = nullptr;
  errno = 0;
  *number = std::strtoull(text, &end, base);
  return errno == 0 && *end == '\0';
}

}  // namespace

int zonecfg_add_rctl_value(struct zone_rctltab* tab, struct zone_rctlvaltab* added) {
  unsigned long long limit = 0;
  if (std::strcmp(added->zone_rctlval_priv, "privileged") != 0) return Z_INVAL;
  if (std::strcmp(added->zone_rctlval_action, "none") != 0 && std::strcmp(added->zone_rctlval_action, "deny") != 0) {
    return Z_INVAL;
  }
  if (std::strchr(added->zone_rctlval_limit, '-') != nullptr) return Z_INVAL;
  if (!Number(added->zone_rctlval_limit, 0, &limit)) return Z_INVAL;
  struct zone_rctlvaltab** end = &tab->zone_rctl_valptr;
  while (*end != nullptr) end = &(*end)->zone_rctlval_next;
  added->zone_rctlval_next = nullptr;
  *end = added;
  return Z_OK;
}

int zonecfg_remove_rctl_value(struct zone_rctltab* tab, struct zone_rctlvaltab* wanted) {
  for (auto** at = &tab->zone_rctl_valptr; *at != nullptr; at = &(*at)->zone_rctlval_next) {
    if (std::strcmp((*at)->zone_rctlval_priv, wanted->zone_rctlval_priv) != 0 ||
        std::strcmp((*at)->zone_rctlval_limit, wanted->zone_rctlval_limit) != 0 ||
        std::strcmp((*at)->zone_rctlval_action, wanted->zone_rctlval_action) != 0) {
      continue;
    }
    struct zone_rctlvaltab* gone = *at;
    *at = gone->zone_rctlval_next;
    std::free(gone);
    return Z_OK;
  }
  return Z_NO_PROPERTY_ID;
}

void zonecfg_free_rctl_value_list(struct zone_rctlvaltab* list) {
  while (list != nullptr) {
    struct zone_rctlvaltab* gone = list;
    list = list->zone_rctlval_next;
    std::free(gone);
  }
}

int zonecfg_get_aliased_rctl(zone_dochandle_t handle, char* name, uint64_t* limit) {
  const Alias* alias = FindAlias(name);
  if (alias == nullptr) return Z_NO_PROPERTY_ID;
  if (const int error = zonecfg_setrctlent(handle); error != Z_OK) return error;
  int found = 0;
  bool simple = true;
  struct zone_rctltab tab = {};
  int error;
  while ((error = zonecfg_getrctlent(handle, &tab)) == Z_OK) {
    if (std::strcmp(tab.zone_rctl_name, alias->rctl) == 0) {
      found += 1;
      const struct zone_rctlvaltab* value = tab.zone_rctl_valptr;
      if (value == nullptr || value->zone_rctlval_next != nullptr ||
          std::strcmp(value->zone_rctlval_priv, "privileged") != 0 ||
          std::strcmp(value->zone_rctlval_action, alias->action) != 0) {
        simple = false;
      } else {
        *limit = std::strtoull(value->zone_rctlval_limit, nullptr, 10);
      }
    }
    zonecfg_free_rctl_value_list(tab.zone_rctl_valptr);
    tab.zone_rctl_valptr = nullptr;
  }
  zonecfg_endrctlent(handle);
  if (found == 0) return Z_NO_ENTRY;
  return found == 1 && simple ? Z_OK : Z_ALIAS_DISALLOW;
}

boolean_t zonecfg_aliased_rctl_ok(zone_dochandle_t handle, char* name) {
  uint64_t limit;
  const int error = zonecfg_get_aliased_rctl(handle, name, &limit);
  return error == Z_OK || error == Z_NO_ENTRY ? B_TRUE : B_FALSE;
}

int zonecfg_rm_aliased_rctl(zone_dochandle_t handle, char* name) {
  uint64_t limit;
  if (zonecfg_get_aliased_rctl(handle, name, &limit) != Z_OK) return Z_OK;
  struct zone_rctltab tab = {};
  Copy(tab.zone_rctl_name, sizeof tab.zone_rctl_name, FindAlias(name)->rctl);
  return zonecfg_delete_rctl(handle, &tab);
}

int zonecfg_set_aliased_rctl(zone_dochandle_t handle, char* name, uint64_t limit) {
  if (zonecfg_aliased_rctl_ok(handle, name) == B_FALSE) return Z_ALIAS_DISALLOW;
  const Alias* alias = FindAlias(name);
  struct zone_rctltab tab = {};
  struct zone_rctlvaltab value = {};
  Copy(tab.zone_rctl_name, sizeof tab.zone_rctl_name, alias->rctl);
  zonecfg_delete_rctl(handle, &tab);
  Copy(value.zone_rctlval_priv, sizeof value.zone_rctlval_priv, "privileged");
  Copy(value.zone_rctlval_limit, sizeof value.zone_rctlval_limit, std::to_string(limit));
  Copy(value.zone_rctlval_action, sizeof value.zone_rctlval_action, alias->action);
  tab.zone_rctl_valptr = &value;
  return zonecfg_add_rctl(handle, &tab);
}

boolean_t zonecfg_valid_alias_limit(char* name, char* text, uint64_t* limit) {
  const Alias* alias = FindAlias(name);
  unsigned long long number = 0;
  if (alias == nullptr || !Number(text, 10, &number) || number < alias->least) return B_FALSE;
  *limit = number;
  return B_TRUE;
}

boolean_t zonecfg_valid_rctlname(const char* name) {
  if (std::strncmp(name, "zone.", 5) != 0 || name[5] == '\0') return B_FALSE;
  for (const char* at = name + 5; *at != '\0'; ++at) {
    if (*at != '-' && (*at < 'a' || *at > 'z')) return B_FALSE;
  }
  return B_TRUE;
}

boolean_t zonecfg_is_rctl(const char* name) {
  for (const char* known :
       {"zone.cpu-baseline", "zone.cpu-burst-time", "zone.max-lofi", "zone.cpu-cap", "zone.cpu-shares",
        "zone.zfs-io-priority", "zone.max-physical-memory", "zone.max-locked-memory", "zone.max-swap", "zone.max-lwps",
        "zone.max-processes", "zone.max-msg-ids", "zone.max-sem-ids", "zone.max-shm-ids", "zone.max-shm-memory"}) {
    if (std::strcmp(name, known) == 0) return B_TRUE;
  }
  return B_FALSE;
}

int zonecfg_str_to_bytes(char* text, uint64_t* bytes) {
  char* end = nullptr;
  errno = 0;
  long double number = std::strtold(text, &end);
  if (errno != 0 || number < 0) return -1;
  while (std::isspace(static_cast<unsigned char>(*end)) != 0) ++end;
  if (*end != '\0') {
    const char* units = "kmgt";
    const char* unit = std::strchr(units, std::tolower(static_cast<unsigned char>(*end)));
    if (unit == nullptr || end[1] != '\0') return -1;
    for (const char* at = units; at <= unit; ++at) number *= 1024;
  }
  *bytes = static_cast<uint64_t>(number);
  return 0;
}

boolean_t zonecfg_valid_memlimit(char* text, uint64_t* bytes) {
  return zonecfg_str_to_bytes(text, bytes) == 0 ? B_TRUE : B_FALSE;
}

boolean_t zonecfg_valid_ncpus(char* least, char* most) {
  unsigned long long low = 0;
  unsigned long long high = 0;
  if (*least == '-' || *most == '-' || !Number(least, 10, &low) || !Number(most, 10, &high)) return B_FALSE;
  return low >= 1 && low <= high ? B_TRUE : B_FALSE;
}

boolean_t zonecfg_valid_importance(char* text) {
  unsigned long long number = 0;
  return *text != '-' && Number(text, 10, &number) ? B_TRUE : B_FALSE;
}

boolean_t zonecfg_valid_fs_type(const char* type) {
  for (const char* refused : {"proc", "mntfs", "autofs"}) {
    if (std::strcmp(type, refused) == 0) return B_FALSE;
  }
  return std::strncmp(type, "nfs", 3) == 0 ? B_FALSE : B_TRUE;
}

int zonecfg_valid_net_address(char* address, struct lifreq*) {
  const std::string text = address;
  const size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  unsigned char binary[16];
  const bool ipv6 = ::inet_pton(AF_INET6, host.c_str(), binary) == 1;
  if (ipv6 && slash == std::string::npos) return Z_IPV6_ADDR_PREFIX_LEN;
  if (!ipv6 && ::inet_pton(AF_INET, host.c_str(), binary) != 1 && ::gethostbyname(host.c_str()) == nullptr) {
    return Z_BOGUS_ADDRESS;
  }
  if (slash != std::string::npos) {
    const int length = std::atoi(text.c_str() + slash + 1);
    if (length < 0 || length > (ipv6 ? 128 : 32)) return Z_INVAL;
  }
  return Z_OK;
}

boolean_t zonecfg_same_net_address(char* first, char* second) {
  const std::string a = first;
  const std::string b = second;
  const size_t slash_a = a.find('/');
  const size_t slash_b = b.find('/');
  if (slash_a != std::string::npos && slash_b != std::string::npos) return a == b ? B_TRUE : B_FALSE;
  return a.substr(0, slash_a) == b.substr(0, slash_b) ? B_TRUE : B_FALSE;
}

int zonecfg_get_attr_boolean(const struct zone_attrtab* attr, boolean_t* value) {
  if (attr == nullptr || std::strcmp(attr->zone_attr_type, "boolean") != 0) return Z_INVAL;
  if (std::strcmp(attr->zone_attr_value, "true") == 0) {
    *value = B_TRUE;
  } else if (std::strcmp(attr->zone_attr_value, "false") == 0) {
    *value = B_FALSE;
  } else {
    return Z_INVAL;
  }
  return Z_OK;
}

int zonecfg_get_attr_int(const struct zone_attrtab* attr, int64_t* value) {
  if (attr == nullptr || std::strcmp(attr->zone_attr_type, "int") != 0) return Z_INVAL;
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(attr->zone_attr_value, &end, 10);
  if (errno != 0 || *end != '\0') return Z_INVAL;
  *value = number;
  return Z_OK;
}

int zonecfg_get_attr_uint(const struct zone_attrtab* attr, uint64_t* value) {
  if (attr == nullptr || std::strcmp(attr->zone_attr_type, "uint") != 0) return Z_INVAL;
  unsigned long long number = 0;
  if (attr->zone_attr_value[0] == '-' || !Number(attr->zone_attr_value, 10, &number)) return Z_INVAL;
  *value = number;
  return Z_OK;
}

int zonecfg_get_attr_string(const struct zone_attrtab* attr, char* value, size_t size) {
  if (attr == nullptr || std::strcmp(attr->zone_attr_type, "string") != 0) return Z_INVAL;
  return Copy(value, size, attr->zone_attr_value) ? Z_OK : Z_TOO_BIG;
}

char* zonecfg_strerror(int code) {
  static const char* const kTexts[] = {
      "OK",
      "Empty document",
      "Wrong document type",
      "Bad document property",
      "Problem creating temporary file",
      "Problem saving file",
      "No such entry",
      "Bogus zone name",
      "Required resource missing",
      "Required property missing",
      "Bad handle",
      "Out of memory",
      "Invalid argument",
      "Permission denied",
      "Argument list too long",
      "Miscellaneous file system error",
      "No such zone configured",
      "No such resource type",
      "No such resource with that id",
      "No such property type",
      "No such property with that id",
      "Zone state is invalid for the requested operation",
      "Invalid document",
      "Zone name already in use",
      "No such zone ID",
      "Problem updating index file",
      "Locking index file",
      "Unlocking index file",
      nullptr,
      "Insufficient specification",
      "Unknown error",
      "Unknown error",
      "Unknown error",
      "Unknown error",
      "Resolved path mismatch",
      "IPv6 address missing required prefix length",
      "Neither an IPv4 nor an IPv6 address nor a host name",
      "Specified privilege is prohibited",
      "Required privilege is missing",
      "Specified privilege is unknown",
      "Brand-specific error",
      "Incompatible settings",
      "An incompatible rctl already exists for this property",
      "Clearing this property is not allowed",
      "libpool(3LIB) error",
      "Pools facility not active; zone will not be bound to pool",
      "Could not enable pools facility",
      "Pool not found; using default pool",
      "Could not create a temporary pool",
      "Could not bind zone to pool",
      "Specified property is invalid",
  };
  if (code == Z_SYSTEM) return std::strerror(errno);
  if (code < 0 || static_cast<size_t>(code) >= sizeof kTexts / sizeof kTexts[0]) {
    return const_cast<char*>("Unknown error");
  }
  return const_cast<char*>(kTexts[code]);
}
