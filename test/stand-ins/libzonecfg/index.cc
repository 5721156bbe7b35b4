// The index of zones, states, UUIDs and what is asked for by the name of a zone.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "stand_in.h"

using namespace standin;

namespace {

constexpr size_t kLineSize = ZONENAME_MAX + ZONE_STATE_MAXSTRLEN + kMaxPath + 37 + 3;

struct FileCloser {
  void operator()(FILE* file) const { std::fclose(file); }
};

// The next field, of which one in double quotes may hold colons. Empty past the end of the line.
std::string NextField(const char** at) {
  if (*at == nullptr) return {};
  const char* start = *at;
  const char* end = start;
  if (*start == '"') {
    ++start;
    end = start;
    while (*end != '\0' && *end != '"') ++end;
    const std::string field(start, end);
    while (*end != '\0' && *end != ':') ++end;
    *at = *end == ':' ? end + 1 : nullptr;
    return field;
  }
  while (*end != '\0' && *end != ':') ++end;
  *at = *end == ':' ? end + 1 : nullptr;
  return {start, end};
}

struct Line {
  std::string name, state, path, uuid, brand, iptype, did;
};

// Nothing for comments, lines that are not ended, and those without a good name or a state.
bool ParseLine(const char* text, Line* line) {
  const char* end = std::strpbrk(text, "\r\n");
  if (end == nullptr || text[0] == '#') return false;
  const std::string whole(text, end);
  const char* at = whole.c_str();
  line->name = NextField(&at);
  line->state = NextField(&at);
  line->path = NextField(&at);
  line->uuid = NextField(&at);
  line->brand = NextField(&at);
  line->iptype = NextField(&at);
  line->did = NextField(&at);
  return line->name.size() < ZONENAME_MAX && !line->state.empty() && line->path.size() < kMaxPath;
}

std::string FormatLine(const Line& line) {
  const char* quote = line.path.find(':') == std::string::npos ? "" : "\"";
  std::string text = line.name + ":" + line.state + ":" + quote + line.path + quote + ":" + line.uuid;
  if (!line.brand.empty()) text += ":" + line.brand + ":" + line.iptype + ":" + line.did;
  return text + "\n";
}

// In tests the first below each root is 1, so that what is written is known beforehand.
std::string NewUuid() {
  if (std::getenv("SMARTADM_STAND_IN_COUNT_UUIDS") != nullptr) {
    static std::map<std::string, unsigned> counts;
    char text[37];
    std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012x", ++counts[Root()]);
    return text;
  }
  uuid_t uuid;
  const int fd = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::read(fd, uuid, sizeof uuid) != static_cast<ssize_t>(sizeof uuid)) std::abort();
  ::close(fd);
  uuid[6] = static_cast<unsigned char>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<unsigned char>((uuid[8] & 0x3f) | 0x80);
  return FormatUuid(uuid);
}

bool IsNull(const uuid_t uuid) {
  for (int i = 0; i < 16; ++i) {
    if (uuid[i] != 0) return false;
  }
  return true;
}

// What `entry` makes of a line; an unset field keeps what is there.
void Apply(const struct zoneent& entry, Line* line) {
  if (entry.zone_newname[0] != '\0') line->name = entry.zone_newname;
  if (entry.zone_state >= 0) line->state = zone_state_str(static_cast<zone_state_t>(entry.zone_state));
  if (entry.zone_path[0] != '\0') line->path = entry.zone_path;
  if (!IsNull(entry.zone_uuid)) {
    line->uuid = FormatUuid(entry.zone_uuid);
  } else if (line->uuid.empty() && line->state != "configured") {
    line->uuid = NewUuid();
  }
  if (entry.zone_brand[0] != '\0') {
    line->brand = entry.zone_brand;
    line->iptype = entry.zone_iptype == ZS_EXCLUSIVE ? "ex" : "sh";
    line->did = std::to_string(entry.zone_did);
  }
}

// Holds the lock of the index.
class IndexLock {
 public:
  IndexLock() {
    MakeRunFolder();
    fd_ = ::open(RunPath("index.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    held_ = fd_ >= 0 && ::fcntl(fd_, F_SETLKW, &lock) == 0;
  }
  IndexLock(const IndexLock&) = delete;
  IndexLock& operator=(const IndexLock&) = delete;
  ~IndexLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool held() const { return held_; }

 private:
  int fd_ = -1;
  bool held_ = false;
};

bool FindEntry(const char* name, struct zoneent* found) {
  FILE* index = setzoneent();
  if (index == nullptr) return false;
  bool is_found = false;
  while (struct zoneent* entry = getzoneent_private(index)) {
    if (std::strcmp(entry->zone_name, name) == 0) {
      *found = *entry;
      is_found = true;
    }
    std::free(entry);
    if (is_found) break;
  }
  endzoneent(index);
  return is_found;
}

}  // namespace

namespace standin {

bool ParseUuid(const std::string& text, uuid_t out) {
  if (text.size() != 36) return false;
  size_t byte = 0;
  for (size_t at = 0; at < text.size();) {
    if (at == 8 || at == 13 || at == 18 || at == 23) {
      if (text[at++] != '-') return false;
      continue;
    }
    const std::string digits = text.substr(at, 2);
    for (const char c : digits) {
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return false;
    }
    out[byte++] = static_cast<unsigned char>(std::stoi(digits, nullptr, 16));
    at += 2;
  }
  return true;
}

std::string FormatUuid(const uuid_t uuid) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", uuid[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits;
  }
  return text;
}

int ChangeIndex(const struct zoneent& entry, IndexChange change) {
  if (std::strcmp(entry.zone_name, GLOBAL_ZONENAME) == 0) return Z_OK;
  if (change == IndexChange::kAdd && entry.zone_path[0] == '\0') return Z_UPDATING_INDEX;
  const IndexLock lock;
  if (!lock.held()) return Z_LOCKING_FILE;
  const std::string path = Root() + ZONE_INDEX_FILE;
  const std::unique_ptr<FILE, FileCloser> index(std::fopen(path.c_str(), "re"));
  if (!index) return Z_UPDATING_INDEX;
  std::string text;
  bool is_found = false;
  char buffer[kLineSize];
  while (std::fgets(buffer, sizeof buffer, index.get()) != nullptr) {
    Line line;
    if (!ParseLine(buffer, &line) || line.name != entry.zone_name) {
      text += buffer;
      continue;
    }
    is_found = true;
    if (change == IndexChange::kRemove) continue;
    Apply(entry, &line);
    text += FormatLine(line);
  }
  if (!is_found && change == IndexChange::kModify) return Z_UPDATING_INDEX;
  if (!is_found && change == IndexChange::kAdd) {
    Line line;
    line.name = entry.zone_name;
    Apply(entry, &line);
    text += FormatLine(line);
  }
  std::string temporary = Root() + ZONE_CONFIG_ROOT "/zonecfg.XXXXXX";
  const int fd = ::mkstemp(temporary.data());
  if (fd < 0) return Z_TEMP_FILE;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::fchmod(fd, 0644);
  if (::fchown(fd, 0, 3) != 0) {
    // Not root: the file stays the caller's.
  }
  ::close(fd);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    return Z_UPDATING_INDEX;
  }
  return Z_OK;
}

}  // namespace standin

FILE* setzoneent(void) { return std::fopen((Root() + ZONE_INDEX_FILE).c_str(), "re"); }

void endzoneent(FILE* index) {
  if (index != nullptr) std::fclose(index);
}

struct zoneent* getzoneent_private(FILE* index) {
  if (index == nullptr) return nullptr;
  char buffer[kLineSize];
  while (std::fgets(buffer, sizeof buffer, index) != nullptr) {
    Line line;
    if (!ParseLine(buffer, &line) || line.name.empty()) continue;
    int state;
    if (line.state == "configured") {
      state = ZONE_STATE_CONFIGURED;
    } else if (line.state == "incomplete") {
      state = ZONE_STATE_INCOMPLETE;
    } else if (line.state == "installed") {
      state = ZONE_STATE_INSTALLED;
    } else {
      continue;
    }
    auto* entry = static_cast<struct zoneent*>(std::calloc(1, sizeof(struct zoneent)));
    Copy(entry->zone_name, sizeof entry->zone_name, line.name);
    entry->zone_state = state;
    Copy(entry->zone_path, sizeof entry->zone_path, line.path);
    if (!ParseUuid(line.uuid, entry->zone_uuid)) std::memset(entry->zone_uuid, 0, sizeof entry->zone_uuid);
    Copy(entry->zone_brand, sizeof entry->zone_brand, line.brand);
    entry->zone_iptype = line.iptype[0] == 'e' ? ZS_EXCLUSIVE : ZS_SHARED;
    // Without a seventh field the real library leaves what happens to be in memory.
    entry->zone_did = line.did.empty() ? INT_MIN : std::atoi(line.did.c_str());
    return entry;
  }
  return nullptr;
}

char* getzoneent(FILE* index) {
  struct zoneent* entry = getzoneent_private(index);
  if (entry == nullptr) return nullptr;
  char* name = ::strdup(entry->zone_name);
  std::free(entry);
  return name;
}

char* zone_state_str(zone_state_t state) {
  static const char* const kNames[] = {"configured", "incomplete",    "installed", "ready",
                                       "running",    "shutting_down", "down",      "mounted"};
  return const_cast<char*>(state < 8 ? kNames[state] : "unknown");
}

int zone_get_state(char* name, zone_state_t* state) {
  if (const auto refused = Refused(__func__)) return *refused;
  if (name == nullptr) return Z_INVAL;
  if (std::strcmp(name, GLOBAL_ZONENAME) == 0) {
    *state = ZONE_STATE_RUNNING;
    return Z_OK;
  }
  if (const zoneid_t id = getzoneidbyname(name); id != -1) {
    zone_status_t status;
    if (zone_getattr(id, ZONE_ATTR_STATUS, &status, sizeof status) < 0) return Z_SYSTEM;
    if (status <= ZONE_IS_READY) {
      *state = ZONE_STATE_READY;
    } else if (status <= ZONE_IS_RUNNING) {
      *state = ZONE_STATE_RUNNING;
    } else if (status <= ZONE_IS_EMPTY) {
      *state = ZONE_STATE_SHUTTING_DOWN;
    } else {
      *state = ZONE_STATE_DOWN;
    }
    return Z_OK;
  }
  struct zoneent entry;
  if (!FindEntry(name, &entry)) return Z_NO_ZONE;
  *state = static_cast<zone_state_t>(entry.zone_state);
  return Z_OK;
}

int zone_set_state(char* name, zone_state_t state) {
  if (const auto refused = Refused(__func__)) return *refused;
  if (state != ZONE_STATE_CONFIGURED && state != ZONE_STATE_INCOMPLETE && state != ZONE_STATE_INSTALLED) return Z_INVAL;
  zone_state_t before = UINT_MAX;
  if (zone_get_state(name, &before) != Z_OK) before = UINT_MAX;
  struct zoneent entry = {};
  Copy(entry.zone_name, sizeof entry.zone_name, name);
  entry.zone_state = static_cast<int>(state);
  if (const int error = ChangeIndex(entry, IndexChange::kModify); error != Z_OK) return error;
  Publish(name, zone_state_str(before), zone_state_str(state));
  return Z_OK;
}

int zonecfg_destroy(const char* name, boolean_t force) {
  if (const auto refused = Refused(__func__)) return *refused;
  const std::string path = ConfigPath(name);
  zone_state_t state = ZONE_STATE_CONFIGURED;
  const int error = zone_get_state(const_cast<char*>(name), &state);
  if (error == Z_NO_ZONE && ::access(path.c_str(), F_OK) != 0) return Z_NO_ZONE;
  if (error != Z_OK && error != Z_NO_ZONE) return error;
  if (state > ZONE_STATE_INSTALLED || (state != ZONE_STATE_CONFIGURED && force == B_FALSE)) return Z_BAD_ZONE_STATE;
  struct zoneent entry = {};
  Copy(entry.zone_name, sizeof entry.zone_name, name);
  if (ChangeIndex(entry, IndexChange::kRemove) != Z_OK) return Z_UPDATING_INDEX;
  ::unlink(path.c_str());
  Publish(name, "configured", "");
  return Z_OK;
}

void zonecfg_notify_create(zone_dochandle_t handle) {
  char name[ZONENAME_MAX];
  if (zonecfg_get_name(handle, name, sizeof name) == Z_OK) Publish(name, "", "configured");
}

int zonecfg_get_uuid(const char* name, uuid_t uuid) {
  struct zoneent entry;
  if (!FindEntry(name, &entry)) return Z_NO_ZONE;
  std::memcpy(uuid, entry.zone_uuid, sizeof entry.zone_uuid);
  return Z_OK;
}

int zonecfg_set_uuid(const char* name, const char* path, const char* text) {
  struct zoneent entry = {};
  if (!ParseUuid(text, entry.zone_uuid)) return Z_INVALID_PROPERTY;
  entry.zone_state = -1;
  Copy(entry.zone_name, sizeof entry.zone_name, name);
  Copy(entry.zone_path, sizeof entry.zone_path, path);
  return ChangeIndex(entry, IndexChange::kModify) == Z_OK ? Z_OK : Z_UPDATING_INDEX;
}

int zonecfg_get_name_by_uuid(const uuid_t uuid, char* name, size_t size) {
  if (IsNull(uuid)) return Z_NO_ZONE;
  FILE* index = setzoneent();
  if (index == nullptr) return Z_NO_ZONE;
  int error = Z_NO_ZONE;
  while (struct zoneent* entry = getzoneent_private(index)) {
    if (std::memcmp(entry->zone_uuid, uuid, sizeof entry->zone_uuid) == 0) {
      error = Copy(name, size, entry->zone_name) ? Z_OK : Z_TOO_BIG;
    }
    std::free(entry);
    if (error != Z_NO_ZONE) break;
  }
  endzoneent(index);
  return error;
}

int zone_get_zonepath(char* name, char* path, size_t size) {
  if (name == nullptr) return Z_INVAL;
  if (std::strcmp(name, GLOBAL_ZONENAME) == 0) return Copy(path, size, "/") ? Z_OK : Z_TOO_BIG;
  struct zoneent entry;
  if (!FindEntry(name, &entry)) return Z_NO_ZONE;
  if (entry.zone_path[0] != '\0') return Copy(path, size, entry.zone_path) ? Z_OK : Z_TOO_BIG;
  const zone_dochandle_t handle = zonecfg_init_handle();
  int error = zonecfg_get_handle(name, handle);
  if (error == Z_OK) error = zonecfg_get_zonepath(handle, path, size);
  zonecfg_fini_handle(handle);
  return error;
}

int zone_get_rootpath(char* name, char* path, size_t size) {
  if (name != nullptr && std::strcmp(name, GLOBAL_ZONENAME) == 0) return Z_BOGUS_ZONE_NAME;
  if (const int error = zone_get_zonepath(name, path, size); error != Z_OK) return error;
  return Copy(path, size, std::string(path) + "/root") ? Z_OK : Z_TOO_BIG;
}

int zone_get_devroot(char* name, char* path, size_t size) { return zone_get_rootpath(name, path, size); }

int zone_get_brand(char* name, char* brand, size_t size) {
  if (std::strcmp(name, GLOBAL_ZONENAME) == 0) return zonecfg_default_brand(brand, size);
  const zone_dochandle_t handle = zonecfg_init_handle();
  int error = zonecfg_get_handle(name, handle);
  if (error == Z_OK) error = zonecfg_get_brand(handle, brand, size);
  zonecfg_fini_handle(handle);
  return error;
}

zoneid_t zone_get_did(char* name) {
  const zone_dochandle_t handle = zonecfg_init_handle();
  zoneid_t did = -1;
  if (zonecfg_get_handle(name, handle) == Z_OK) {
    did = zonecfg_get_did(handle);
    if (did == -1) {
      zonecfg_set_did(handle);
      if (zonecfg_save(handle) == Z_OK) did = zonecfg_get_did(handle);
    }
  }
  zonecfg_fini_handle(handle);
  return did;
}
