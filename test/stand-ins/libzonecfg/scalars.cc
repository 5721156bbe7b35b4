// Properties of the zone itself, and the debug id.
#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "stand_in.h"

using namespace standin;

namespace {

constexpr size_t kHostIdLength = 11;
constexpr unsigned long kNoHostId = 0xffffffffUL;

bool IsHostId(const char* text) {
  if (*text == '\0' || *text == '-' || std::isspace(static_cast<unsigned char>(*text)) != 0) return false;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) text += 2;
  char* end = nullptr;
  errno = 0;
  const unsigned long number = std::strtoul(text, &end, 16);
  return errno == 0 && *end == '\0' && number < kNoHostId;
}

// Words of letters, digits and `-` between single commas.
bool IsFsAllowed(const char* text) {
  const std::string list = text;
  if (list.empty()) return true;
  if (list.front() == ',' || list.back() == ',' || list.find(",,") != std::string::npos) return false;
  for (const unsigned char c : list) {
    if (c >= 128 || (std::isalnum(c) == 0 && c != '-' && c != ',')) return false;
  }
  return true;
}

}  // namespace

int zonecfg_validate_zonename(const char* name) {
  const std::string text = name == nullptr ? "" : name;
  if (text.empty() || text == GLOBAL_ZONENAME || text.size() >= ZONENAME_MAX) return Z_BOGUS_ZONE_NAME;
  if (std::strncmp(name, "SUNW", 4) == 0) return Z_BOGUS_ZONE_NAME;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool ok = c < 128 && (std::isalnum(c) != 0 || (i > 0 && (c == '-' || c == '_' || c == '.')));
    if (!ok) return Z_BOGUS_ZONE_NAME;
  }
  return Z_OK;
}

int zonecfg_get_name(zone_dochandle_t handle, char* name, size_t size) {
  return GetRootAttribute(handle, "name", name, size);
}

int zonecfg_set_name(zone_dochandle_t handle, char* name) {
  char current[ZONENAME_MAX];
  if (const int error = GetRootAttribute(handle, "name", current, sizeof current); error != Z_OK) return error;
  if (std::strcmp(name, current) == 0) return Z_OK;
  if (const int error = zonecfg_validate_zonename(name); error != Z_OK) return error;
  if (name == handle->delete_name) {
    handle->delete_name.clear();
    return SetRootAttribute(handle, "name", name);
  }
  zone_state_t state;
  if (zone_get_state(name, &state) != Z_NO_ZONE) return Z_NAME_IN_USE;
  const std::string before = handle->delete_name;
  if (!handle->is_new && handle->delete_name.empty()) {
    const int error = zone_get_state(current, &state);
    if (error != Z_OK && error != Z_NO_ZONE) return error;
    if (error == Z_OK && state > ZONE_STATE_INSTALLED) return Z_BAD_ZONE_STATE;
    handle->delete_name = current;
  }
  // Counts as a call on resources.
  int error = Prepare(handle);
  if (error == Z_OK) error = SetRootAttribute(handle, "name", name);
  if (error != Z_OK) handle->delete_name = before;
  return error;
}

int zonecfg_get_zonepath(zone_dochandle_t handle, char* path, size_t size) {
  return GetRootAttribute(handle, "zonepath", path, size);
}

int zonecfg_set_zonepath(zone_dochandle_t handle, char* path) {
  std::string squeezed;
  for (const char* at = path; *at != '\0'; ++at) {
    if (*at != '/' || squeezed.empty() || squeezed.back() != '/') squeezed += *at;
  }
  if (!squeezed.empty() && squeezed.back() == '/') squeezed.pop_back();
  if (squeezed.empty() || squeezed.front() != '/') return Z_BAD_PROPERTY;
  return SetRootAttribute(handle, "zonepath", squeezed.c_str());
}

int zonecfg_default_brand(char* brand, size_t size) {
  const zone_dochandle_t handle = zonecfg_init_handle();
  int error = zonecfg_get_handle(kDefaultTemplate, handle);
  if (error == Z_OK) error = GetRootAttribute(handle, "brand", brand, size);
  zonecfg_fini_handle(handle);
  return error;
}

int zonecfg_get_brand(zone_dochandle_t handle, char* brand, size_t size) {
  const int error = GetRootAttribute(handle, "brand", brand, size);
  if (error == Z_BAD_PROPERTY || (error == Z_OK && brand[0] == '\0')) return zonecfg_default_brand(brand, size);
  return error;
}

int zonecfg_set_brand(zone_dochandle_t handle, char* brand) { return SetRootAttribute(handle, "brand", brand); }

int zonecfg_get_autoboot(zone_dochandle_t handle, boolean_t* autoboot) {
  char value[8];
  const int error = GetRootAttribute(handle, "autoboot", value, sizeof value);
  if (error == Z_OK) *autoboot = std::strcmp(value, "true") == 0 ? B_TRUE : B_FALSE;
  return error;
}

int zonecfg_set_autoboot(zone_dochandle_t handle, boolean_t autoboot) {
  return SetRootAttribute(handle, "autoboot", autoboot == B_TRUE ? "true" : "false");
}

int zonecfg_get_iptype(zone_dochandle_t handle, zone_iptype_t* type) {
  char value[10];
  const int error = GetRootAttribute(handle, "ip-type", value, sizeof value);
  if (error == Z_BAD_PROPERTY) {
    *type = ZS_SHARED;
    return Z_OK;
  }
  if (error != Z_OK) return error;
  if (value[0] == '\0' || std::strcmp(value, "shared") == 0) {
    *type = ZS_SHARED;
  } else if (std::strcmp(value, "exclusive") == 0) {
    *type = ZS_EXCLUSIVE;
  } else {
    return Z_INVAL;
  }
  return Z_OK;
}

int zonecfg_set_iptype(zone_dochandle_t handle, zone_iptype_t type) {
  // Unlike all others, looks at the document before the handle.
  xmlNodePtr root;
  if (const int error = GetRoot(handle, &root); error != Z_OK) return error;
  if (type != ZS_SHARED && type != ZS_EXCLUSIVE) return Z_INVAL;
  return SetRootAttribute(handle, "ip-type", type == ZS_SHARED ? nullptr : "exclusive");
}

int zonecfg_get_pool(zone_dochandle_t handle, char* pool, size_t size) {
  return GetRootAttribute(handle, "pool", pool, size);
}

int zonecfg_set_pool(zone_dochandle_t handle, char* pool) { return SetRootAttribute(handle, "pool", pool); }

int zonecfg_get_bootargs(zone_dochandle_t handle, char* arguments, size_t size) {
  return GetRootAttribute(handle, "bootargs", arguments, size);
}

int zonecfg_set_bootargs(zone_dochandle_t handle, char* arguments) {
  return SetRootAttribute(handle, "bootargs", arguments);
}

int zonecfg_get_sched_class(zone_dochandle_t handle, char* name, size_t size) {
  return GetRootAttribute(handle, "scheduling-class", name, size);
}

int zonecfg_set_sched(zone_dochandle_t handle, char* name) {
  return SetRootAttribute(handle, "scheduling-class", name);
}

int zonecfg_get_limitpriv(zone_dochandle_t handle, char** privileges) {
  if (const int error = zonecfg_check_handle(handle); error != Z_OK) return error;
  xmlNodePtr root;
  if (const int error = GetRoot(handle, &root); error != Z_OK) return error;
  *privileges = ::strdup(Stored(root, "limitpriv").c_str());
  return *privileges == nullptr ? Z_NOMEM : Z_OK;
}

int zonecfg_set_limitpriv(zone_dochandle_t handle, char* privileges) {
  return SetRootAttribute(handle, "limitpriv", privileges);
}

int zonecfg_get_hostid(zone_dochandle_t handle, char* hostid, size_t size) {
  if (const int error = GetRootAttribute(handle, "hostid", hostid, size); error != Z_OK) return error;
  if (hostid[0] == '\0') return Z_BAD_PROPERTY;
  return IsHostId(hostid) ? Z_OK : Z_INVALID_PROPERTY;
}

int zonecfg_set_hostid(zone_dochandle_t handle, const char* hostid) {
  if (hostid != nullptr && std::strlen(hostid) >= kHostIdLength) return Z_TOO_BIG;
  if (hostid != nullptr && !IsHostId(hostid)) return Z_INVALID_PROPERTY;
  return SetRootAttribute(handle, "hostid", hostid);
}

int zonecfg_get_fs_allowed(zone_dochandle_t handle, char* types, size_t size) {
  if (const int error = GetRootAttribute(handle, "fs-allowed", types, size); error != Z_OK) return error;
  if (types[0] == '\0') return Z_BAD_PROPERTY;
  return IsFsAllowed(types) ? Z_OK : Z_INVALID_PROPERTY;
}

int zonecfg_set_fs_allowed(zone_dochandle_t handle, const char* types) {
  if (types != nullptr && !IsFsAllowed(types)) return Z_INVALID_PROPERTY;
  return SetRootAttribute(handle, "fs-allowed", types);
}

zoneid_t zonecfg_get_did(zone_dochandle_t handle) {
  char value[ZONE_INT32SZ];
  if (GetRootAttribute(handle, "debugid", value, sizeof value) != Z_OK || value[0] == '\0') return -1;
  return std::atoi(value);
}

void zonecfg_set_did(zone_dochandle_t handle) {
  const std::string path = Root() + ZONE_CONFIG_ROOT "/did.txt";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_SETLKW, &lock) == 0) {
    char text[64] = {};
    const ssize_t size = ::pread(fd, text, sizeof text - 1, 0);
    const int did = size > 0 ? std::atoi(text) + 1 : 1;
    const std::string line = std::to_string(did) + "\n";
    // Written over what is there: the rest of a longer line stays.
    if (::pwrite(fd, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size())) {
      SetRootAttribute(handle, "debugid", std::to_string(did).c_str());
    }
  }
  ::close(fd);
}
