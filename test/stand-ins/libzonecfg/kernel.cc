// Where state is kept, zones as the kernel knows them, the lock of a zone, and zoneadmd behind its door.
#include <dlfcn.h>
#include <door.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "../links/table.h"
#include "stand_in.h"

using namespace standin;

namespace {

std::string other_root;

struct Running {
  zoneid_t id;
  int status;
  unsigned long long uniqid;
  // 0: a test pretends that it runs.
  pid_t init;
  long long booted;
};

std::string RunningPath(const std::string& zone) { return Root() + "/system/zones/" + zone; }

// A process that nobody has waited for yet has ended, too.
bool HasEnded(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return true;
  const size_t state = text.rfind(") ");
  return state == std::string::npos || text[state + 2] == 'Z' || text[state + 2] == 'X';
}

std::optional<Running> ReadRunning(const std::string& zone) {
  std::ifstream file(RunningPath(zone));
  Running running = {0, 0, 0, 0, 0};
  if (zone.find('/') != std::string::npos || !(file >> running.id >> running.status)) return std::nullopt;
  file >> running.uniqid >> running.init >> running.booted;
  return running;
}

void TakeDown(const std::string& zone, int status);

// As zoneadmd does, a zone whose init has ended is taken down.
std::optional<Running> FindRunning(const std::string& zone) {
  const auto running = ReadRunning(zone);
  if (!running || running->init == 0 || !HasEnded(running->init)) return running;
  TakeDown(zone, SIGTERM);
  return std::nullopt;
}

std::vector<std::string> RunningNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(Root() + "/system/zones", error)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::remove_if(names.begin(), names.end(), [](const std::string& name) { return !FindRunning(name); }),
              names.end());
  return names;
}

std::optional<std::string> NameOf(zoneid_t id) {
  if (id == GLOBAL_ZONEID) return GLOBAL_ZONENAME;
  for (const std::string& name : RunningNames()) {
    if (FindRunning(name)->id == id) return name;
  }
  return std::nullopt;
}

void SetRunning(const std::string& zone, const Running& running) {
  std::filesystem::create_directories(Root() + "/system/zones");
  std::ofstream(RunningPath(zone)) << running.id << ' ' << running.status << ' ' << running.uniqid << ' '
                                   << running.init << ' ' << running.booted << '\n';
}

// The program that stands for a zone's init lies beside this library. Its end is the end of the zone.
pid_t StartInit(const std::string& zone) {
  Dl_info self = {};
  ::dladdr(reinterpret_cast<void*>(&zonecfg_get_root), &self);
  const std::string program = std::filesystem::path(self.dli_fname).parent_path() / "stand-in-init";
  MakeRunFolder();
  std::string console = RunPath(zone + ".console_sock");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  char name[] = "stand-in-init";
  char brand[kMaxPath] = "";
  char zonepath[kMaxPath] = "";
  zone_get_brand(const_cast<char*>(zone.c_str()), brand, sizeof brand);
  zone_get_zonepath(const_cast<char*>(zone.c_str()), zonepath, sizeof zonepath);
  std::string root = Root() + zonepath + "/root";
  char* arguments[] = {name, console.data(), brand, root.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = 0;
  if (::posix_spawn(&pid, program.c_str(), &files, &attributes, arguments, environment) != 0) std::abort();
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return pid;
}

// What the brand's hook makes of a zone's networks once the zone is ready.
void MakeLinks(const std::string& zone) {
  const zone_dochandle_t handle = zonecfg_init_handle();
  LinkTable table(Root());
  if (zonecfg_get_handle(zone.c_str(), handle) == Z_OK && zonecfg_setnwifent(handle) == Z_OK) {
    struct zone_nwiftab network = {};
    while (zonecfg_getnwifent(handle, &network) == Z_OK) {
      LinkEntry entry;
      entry.name = network.zone_nwif_physical;
      entry.class_ = DATALINK_CLASS_VNIC;
      entry.zone = zone;
      entry.vid = static_cast<uint16_t>(std::atoi(network.zone_nwif_vlan_id));
      entry.flags = DLADM_OPT_ACTIVE | DLADM_OPT_TRANSIENT;
      entry.mac_type = VNIC_MAC_ADDR_TYPE_FIXED;
      const LinkEntry* below = table.Find("", network.zone_nwif_gnic);
      entry.over = below == nullptr ? DATALINK_INVALID_LINKID : below->id;
      for (char* at = network.zone_nwif_mac; *at != '\0';) {
        entry.mac.push_back(static_cast<uchar_t>(std::strtoul(at, &at, 16)));
        if (*at == ':') ++at;
      }
      table.Save(entry);
      zonecfg_free_res_attr_list(network.zone_nwif_attrp);
      network = {};
    }
    zonecfg_endnwifent(handle);
  }
  zonecfg_fini_handle(handle);
}

std::string ZonepathOf(const std::string& zone) {
  char path[kMaxPath] = "";
  zone_get_zonepath(const_cast<char*>(zone.c_str()), path, sizeof path);
  return Root() + path;
}

// The kernel's part of a zone is gone, and what zoneadmd writes down of it is there.
void TakeDown(const std::string& zone, int status) {
  Publish(zone, "running", "shutting_down");
  Publish(zone, "shutting_down", "uninitialized");
  if (const auto running = ReadRunning(zone); running && running->init > 0) ::kill(running->init, SIGKILL);
  std::filesystem::remove(RunningPath(zone));
  {
    LinkTable table(Root());
    for (const LinkEntry& link : table.All()) {
      if (link.zone == zone) table.Remove(link.id);
    }
  }
  zonecfg_destroy_snapshot(const_cast<char*>(zone.c_str()));
  std::ofstream(ZonepathOf(zone) + "/lastexited") << std::time(nullptr) << ".000000 " << status << '\n';
}

// As the kernel does: all of the value's size, and as much of it as fits.
ssize_t Give(void* buffer, size_t size, const void* value, size_t length) {
  std::memcpy(buffer, value, std::min(size, length));
  return static_cast<ssize_t>(length);
}

ssize_t GiveText(void* buffer, size_t size, const std::string& value) {
  return Give(buffer, size, value.c_str(), value.size() + 1);
}

int Fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

namespace standin {

std::string Root() {
  if (!other_root.empty()) return other_root;
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || root[0] != '/') {
    std::fputs("the stand-in for libzonecfg needs SMARTADM_STAND_IN_ROOT\n", stderr);
    std::abort();
  }
  return root;
}

std::string ConfigPath(const std::string& zone) { return Root() + ZONE_CONFIG_ROOT "/" + zone + ".xml"; }
std::string RunPath(const std::string& name) { return Root() + ZONES_TMPDIR "/" + name; }

void MakeRunFolder() {
  std::filesystem::create_directories(Root() + "/var/run");
  ::mkdir((Root() + ZONES_TMPDIR).c_str(), 0700);
}

std::optional<int> Refused(const char* function) {
  std::ifstream file(Root() + "/system/zones-refuse");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    int code = 0;
    words >> name >> code;
    if (name != function) continue;
    if (int error = 0; words >> error) errno = error;
    return code;
  }
  return std::nullopt;
}

void Publish(const std::string& zone, const std::string& before, const std::string& after) {
  std::filesystem::create_directories(Root() + "/system");
  std::ofstream(Root() + "/system/events", std::ios::app) << zone << '\t' << before << '\t' << after << '\n';
  // One order for what all libraries do, where a test wants to know it.
  const std::string all = Root() + "/system/effects";
  if (::access(all.c_str(), F_OK) == 0) {
    std::ofstream(all, std::ios::app) << "zone " << zone << ' ' << before << ' ' << after << std::endl;
  }
}

}  // namespace standin

// Another root: the real library has none at first. Here it says where the state is, which doors are found by.
void zonecfg_set_root(const char* root) { other_root = root; }

const char* zonecfg_get_root(void) {
  static thread_local std::string root;
  root = Root();
  return root.c_str();
}

boolean_t zonecfg_in_alt_root(void) { return other_root.empty() ? B_FALSE : B_TRUE; }

// Zone calls

zoneid_t getzoneid(void) { return GLOBAL_ZONEID; }

zoneid_t getzoneidbyname(const char* name) {
  if (name == nullptr) return GLOBAL_ZONEID;
  if (std::strcmp(name, GLOBAL_ZONENAME) == 0) return GLOBAL_ZONEID;
  const auto running = FindRunning(name);
  return running ? running->id : Fail(EINVAL);
}

ssize_t getzonenamebyid(zoneid_t id, char* buffer, size_t size) {
  const auto name = NameOf(id);
  return name ? GiveText(buffer, size, *name) : Fail(EINVAL);
}

int zone_get_id(const char* text, zoneid_t* id) {
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (*text != '\0' && *end == '\0' && NameOf(static_cast<zoneid_t>(number))) {
    *id = static_cast<zoneid_t>(number);
    return 0;
  }
  *id = getzoneidbyname(text);
  if (*id != -1) return 0;
  const zone_dochandle_t handle = zonecfg_init_handle();
  const int error = zonecfg_get_handle(text, handle);
  zonecfg_fini_handle(handle);
  *id = ZONE_ID_UNDEFINED;
  return error == Z_OK ? 0 : -1;
}

ssize_t zone_getattr(zoneid_t id, int attribute, void* buffer, size_t size) {
  const auto name = NameOf(id);
  if (!name) return Fail(EINVAL);
  const bool global = id == GLOBAL_ZONEID;
  const Running running = global ? Running{0, ZONE_IS_RUNNING, 0, 1, 0} : *FindRunning(*name);
  char path[kMaxPath] = "";
  const zone_dochandle_t handle = zonecfg_init_handle();
  const std::unique_ptr<zone_dochandle, void (*)(zone_dochandle_t)> owned(handle, zonecfg_fini_handle);
  if (!global) zonecfg_get_handle(name->c_str(), handle);
  char text[kMaxPath] = "";
  switch (attribute) {
    case ZONE_ATTR_ROOT:
      zone_get_zonepath(const_cast<char*>(name->c_str()), path, sizeof path);
      return GiveText(buffer, size, global ? "/" : std::string(path) + "/root");
    case ZONE_ATTR_NAME:
      return GiveText(buffer, size, *name);
    case ZONE_ATTR_STATUS: {
      const auto status = static_cast<zone_status_t>(running.status);
      return Give(buffer, size, &status, sizeof status);
    }
    case ZONE_ATTR_UNIQID: {
      const uint64_t uniqid = running.uniqid;
      return Give(buffer, size, &uniqid, sizeof uniqid);
    }
    case ZONE_ATTR_INITPID: {
      if (running.status != ZONE_IS_RUNNING) return Fail(ESRCH);
      const pid_t pid = global ? 1 : running.init > 0 ? running.init : 1000 + id;
      return Give(buffer, size, &pid, sizeof pid);
    }
    case ZONE_ATTR_INITNAME:
      return GiveText(buffer, size, "/sbin/init");
    case ZONE_ATTR_BOOTARGS:
      if (!global) zonecfg_get_bootargs(handle, text, sizeof text);
      return GiveText(buffer, size, text);
    case ZONE_ATTR_BRAND:
      zone_get_brand(const_cast<char*>(name->c_str()), text, sizeof text);
      return GiveText(buffer, size, text);
    case ZONE_ATTR_SCHED_CLASS:
      if (!global) zonecfg_get_sched_class(handle, text, sizeof text);
      return GiveText(buffer, size, text);
    case ZONE_ATTR_FLAGS: {
      zone_iptype_t type = ZS_SHARED;
      if (!global) zonecfg_get_iptype(handle, &type);
      const ushort_t flags = type == ZS_EXCLUSIVE ? ZF_NET_EXCL : 0;
      return Give(buffer, size, &flags, sizeof flags);
    }
    case ZONE_ATTR_HOSTID: {
      if (size != sizeof(uint32_t)) return Fail(EINVAL);
      if (global || zonecfg_get_hostid(handle, text, sizeof text) != Z_OK) return Fail(EINVAL);
      const auto hostid = static_cast<uint32_t>(std::strtoul(text, nullptr, 16));
      return Give(buffer, size, &hostid, sizeof hostid);
    }
    case ZONE_ATTR_FS_ALLOWED:
      if (!global && zonecfg_get_fs_allowed(handle, text, sizeof text) != Z_OK) text[0] = '\0';
      return GiveText(buffer, size, text);
    case ZONE_ATTR_DID: {
      const zoneid_t did = global ? 0 : zonecfg_get_did(handle);
      return Give(buffer, size, &did, sizeof did);
    }
    default:
      return Fail(EINVAL);
  }
}

int zone_list(zoneid_t* ids, uint_t* count) {
  if (const auto refused = Refused(__func__)) return *refused;
  std::vector<zoneid_t> all = {GLOBAL_ZONEID};
  for (const std::string& name : RunningNames()) all.push_back(FindRunning(name)->id);
  for (uint_t i = 0; i < std::min<size_t>(*count, all.size()); ++i) ids[i] = all[i];
  *count = static_cast<uint_t>(all.size());
  return 0;
}

int zone_list_datalink(zoneid_t id, int* count, datalink_id_t* links) {
  const auto name = NameOf(id);
  if (!name) return Fail(EINVAL);
  std::vector<datalink_id_t> ids;
  LinkTable table(Root());
  for (const LinkEntry& link : table.All()) {
    if (link.zone == (id == GLOBAL_ZONEID ? "" : *name)) ids.push_back(link.id);
  }
  for (int i = 0; i < std::min(*count, static_cast<int>(ids.size())); ++i) links[i] = ids[static_cast<size_t>(i)];
  *count = static_cast<int>(ids.size());
  return 0;
}

// The lock of a zone

namespace {

constexpr const char* kLockVariable = "_ZONEADM_LOCK_HELD";

int HeldCount() {
  const char* held = std::getenv(kLockVariable);
  // Nobody has said whether it is held: the real library asserts.
  if (held == nullptr) std::abort();
  return std::atoi(held);
}

}  // namespace

void zonecfg_init_lock_file(const char*, char** variable) {
  const char* held = std::getenv(kLockVariable);
  if (held == nullptr) ::setenv(kLockVariable, "0", 1);
  *variable = nullptr;
}

int zonecfg_grab_lock_file(const char* zone, int* fd) {
  const int held = HeldCount();
  *fd = -1;
  if (held == 0) {
    MakeRunFolder();
    *fd = ::open(RunPath(std::string(zone) + ".zoneadm.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (*fd < 0 || ::fcntl(*fd, F_SETLKW, &lock) != 0) return Z_LOCKING_FILE;
  }
  ::setenv(kLockVariable, std::to_string(held + 1).c_str(), 1);
  return Z_OK;
}

void zonecfg_release_lock_file(const char*, int fd) {
  const int held = HeldCount();
  if (held > 0) ::setenv(kLockVariable, std::to_string(held - 1).c_str(), 1);
  if (held == 1 && fd >= 0) ::close(fd);
}

boolean_t zonecfg_lock_file_held(int* fd) {
  if (HeldCount() == 0) return B_FALSE;
  *fd = -1;
  return B_TRUE;
}

// zoneadmd

int zonecfg_ping_zoneadmd(const char* zone) {
  const std::string door = RunPath(std::string(zone) + ".zoneadmd_door");
  if (::access(door.c_str(), F_OK) != 0) return Z_NO_ZONE;
  // One that leaves right after it has answered.
  if (std::filesystem::remove(Root() + "/system/vanishing/" + zone)) ::unlink(door.c_str());
  return Z_OK;
}

namespace {

enum class State { kConfigured, kIncomplete, kInstalled, kReady, kActive };

// Moves a zone as zoneadmd does on a command; the messages it would print are in `messages`.
int Obey(const std::string& zone, zone_cmd_t command, std::string* messages) {
  char* name = const_cast<char*>(zone.c_str());
  zone_state_t stored;
  if (zone_get_state(name, &stored) != Z_OK) {
    *messages = "zone '" + zone + "': No such zone configured\n";
    return -1;
  }
  const State state = stored == ZONE_STATE_CONFIGURED   ? State::kConfigured
                      : stored == ZONE_STATE_INCOMPLETE ? State::kIncomplete
                      : stored == ZONE_STATE_INSTALLED  ? State::kInstalled
                      : stored == ZONE_STATE_READY      ? State::kReady
                                                        : State::kActive;
  const auto ready = [&](int status) {
    zoneid_t next = 1;
    for (const std::string& each : RunningNames()) next = std::max(next, FindRunning(each)->id + 1);
    zonecfg_create_snapshot(name);
    MakeLinks(zone);
    std::ofstream(ZonepathOf(zone) + "/lastbooted") << "stand-in\n";
    const pid_t init = status == ZONE_IS_RUNNING ? StartInit(zone) : 0;
    SetRunning(zone, {next, status, static_cast<unsigned long long>(next) * 1000 + static_cast<unsigned>(::getpid()),
                      init, static_cast<long long>(std::time(nullptr))});
    Publish(zone, "uninitialized", "ready");
    if (status == ZONE_IS_RUNNING) Publish(zone, "ready", "running");
    return 0;
  };
  const auto halt = [&] {
    TakeDown(zone, -1);
    return 0;
  };
  const auto refuse = [&] {
    *messages = "zone '" + zone + "': operation invalid in state '" + zone_state_str(stored) + "'\n";
    return -1;
  };
  const auto nothing_to_do = [&](const std::string& what) {
    *messages = "zone '" + zone + "': zone is already " + what + "\n";
    return 0;
  };
  // A word in the file `refusal` of the zone's state makes every command fail, as a broken hook would.
  if (std::ifstream refusal(Root() + "/system/refuse/" + zone); refusal) {
    std::getline(refusal, *messages, '\0');
    return -1;
  }
  switch (command) {
    case Z_READY:
      if (state == State::kInstalled) return ready(ZONE_IS_READY);
      if (state == State::kReady) return nothing_to_do("ready");
      if (state == State::kActive) return halt(), ready(ZONE_IS_READY);
      return refuse();
    case Z_BOOT:
    case Z_FORCEBOOT:
      if (state == State::kInstalled || (state == State::kIncomplete && command == Z_FORCEBOOT)) {
        return ready(ZONE_IS_RUNNING);
      }
      if (state == State::kReady) {
        Running running = *FindRunning(zone);
        running.status = ZONE_IS_RUNNING;
        running.init = StartInit(zone);
        SetRunning(zone, running);
        Publish(zone, "ready", "running");
        return 0;
      }
      return state == State::kActive ? nothing_to_do("booted") : refuse();
    case Z_REBOOT:
      return state == State::kActive ? (halt(), ready(ZONE_IS_RUNNING)) : refuse();
    case Z_HALT:
      if (state == State::kReady || state == State::kActive) return halt();
      return state == State::kInstalled ? nothing_to_do("halted") : refuse();
    case Z_SHUTDOWN:
      if (state == State::kActive) return halt();
      return state == State::kInstalled ? nothing_to_do("halted") : refuse();
    case Z_NOTE_UNINSTALLING:
      if (state != State::kInstalled) return refuse();
      ::unlink(RunPath(zone + ".zoneadmd_door").c_str());
      return 0;
    default:
      return refuse();
  }
}

}  // namespace

// Serves the doors of zoneadmd: the open file says which zone is meant.
int door_call(int fd, door_arg_t* arguments) {
  if (const auto refused = Refused(__func__)) return *refused;
  char path[kMaxPath + 64];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path - 1);
  if (length < 0) return Fail(EBADF);
  path[length] = '\0';
  std::string zone = std::filesystem::path(path).filename();
  constexpr const char* kSuffix = ".zoneadmd_door";
  // A door that is gone has been revoked.
  if (zone.size() <= std::strlen(kSuffix) || zone.find(kSuffix) != zone.size() - std::strlen(kSuffix)) {
    return Fail(EBADF);
  }
  zone.resize(zone.size() - std::strlen(kSuffix));
  if (arguments->data_size != sizeof(zone_cmd_arg_t)) return Fail(EINVAL);
  zone_cmd_arg_t request;
  std::memcpy(&request, arguments->data_ptr, sizeof request);
  // The first call after this word finds zoneadmd on its way out.
  if (std::filesystem::remove(Root() + "/system/leaving/" + zone)) {
    ::unlink(RunPath(zone + kSuffix).c_str());
    arguments->data_ptr = arguments->rbuf;
    arguments->data_size = 0;
    return 0;
  }
  std::string messages;
  const int result = Obey(zone, request.cmd, &messages);
  const size_t size = sizeof(int) + messages.size() + 1;
  // As the kernel does with a reply that does not fit: it is put into memory that the caller has to unmap.
  if (size > arguments->rsize) {
    void* moved = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (moved == MAP_FAILED) return Fail(E2BIG);
    arguments->rbuf = static_cast<char*>(moved);
    arguments->rsize = size;
  }
  std::memcpy(arguments->rbuf, &result, sizeof result);
  std::memcpy(arguments->rbuf + sizeof result, messages.c_str(), size - sizeof result - 1);
  arguments->rbuf[size - 1] = '\0';
  arguments->data_ptr = arguments->rbuf;
  arguments->data_size = size;
  return 0;
}

// Other calls on running zones

int zonecfg_apply_rctls(char* name, zone_dochandle_t handle) {
  if (const auto refused = Refused(__func__)) return *refused;
  if (const int error = zonecfg_check_handle(handle); error != Z_OK) return error;
  const auto running = FindRunning(name);
  if (!running || running->status != ZONE_IS_RUNNING) {
    errno = ESRCH;
    return Z_SYSTEM;
  }
  std::filesystem::create_directories(Root() + "/system/rctls");
  std::ofstream applied(Root() + "/system/rctls/" + name);
  struct zone_rctltab tab = {};
  zonecfg_setrctlent(handle);
  while (zonecfg_getrctlent(handle, &tab) == Z_OK) {
    for (auto* value = tab.zone_rctl_valptr; value != nullptr; value = value->zone_rctlval_next) {
      applied << tab.zone_rctl_name << ' ' << value->zone_rctlval_limit << ' ' << value->zone_rctlval_action << '\n';
    }
    zonecfg_free_rctl_value_list(tab.zone_rctl_valptr);
    tab.zone_rctl_valptr = nullptr;
  }
  zonecfg_endrctlent(handle);
  return Z_OK;
}

// Mounts are the lines of system/mnttab.
int zonecfg_find_mounts(char* path, int (*callback)(const struct mnttab*, void*), void* data) {
  if (const auto refused = Refused(__func__)) return *refused;
  std::ifstream table(Root() + "/system/mnttab");
  if (!table) return 0;
  int found = 0;
  const std::string below = std::string(path) + "/";
  for (std::string line; std::getline(table, line);) {
    if (line != path && line.compare(0, below.size(), below) != 0) continue;
    found += 1;
    if (callback != nullptr && callback(nullptr, data) != 0) return -1;
  }
  return found;
}
