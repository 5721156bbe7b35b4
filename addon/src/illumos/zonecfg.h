// Configurations, states and brands of zones as libzonecfg and libbrand know them, and zones as the kernel does.
//
// The library is looked for when it is first needed and its functions by name, so a system that lacks one loses only
// what needs it. None of its calls may run beside another: run them by `Exclusively`. What it would end the process for
// is refused here or cannot be said.
#pragma once

#include <libzonecfg.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace smartadm::zonecfg {

// Throws NativeError when there is no such library.
void OpenLibrary();

// Functions of the library that this system lacks.
std::vector<std::string> MissingFunctions();

// Held by whoever calls the library.
std::mutex& LibraryMutex();

template <typename Work>
auto Exclusively(Work&& work) {
  const std::lock_guard lock(LibraryMutex());
  return work();
}

// A property of a network or a device.
struct Property {
  std::string name;
  std::string value;
};

struct Attr {
  std::string name;
  // `boolean`, `int`, `string` or `uint`: another one in a saved document would end the process.
  std::string type;
  std::string value;
};

struct Network {
  std::string physical, address, allowed_address, mac, vlan_id, global_nic, defrouter;
  std::vector<Property> properties;
};

struct Device {
  std::string match;
  std::vector<Property> properties;
};

struct RctlValue {
  std::string privilege, limit, action;
};

struct Rctl {
  std::string name;
  std::vector<RctlValue> values;
};

struct Dataset {
  std::string name;
};

struct Filesystem {
  std::string special, directory, type, raw;
  std::vector<std::string> options;
};

// Processors that belong to the zone alone. There is one at most.
struct Pset {
  std::string least, most, importance;
};

struct Admin {
  std::string user, auths;
};

struct SecurityFlags {
  std::string defaults, lower, upper;
};

using Resource = std::variant<Attr, Network, Device, Rctl, Dataset, Filesystem, Pset, Admin, SecurityFlags>;

// The properties of the zone itself that are text. All but name and zonepath can be taken away.
enum class Text { kName, kZonepath, kBrand, kPool, kBootargs, kSchedulingClass, kLimitpriv, kHostid, kFsAllowed };

// The kinds of resources, in the order of `Resource`.
enum class Kind { kAttr, kNetwork, kDevice, kRctl, kDataset, kFilesystem, kPset, kAdmin, kSecurityFlags };

// Where a document is taken from.
struct OfZone {
  std::string name;
};
// A new zone. Its name must be a good one and free.
struct OfTemplate {
  std::string from, name;
};
struct OfSnapshot {
  std::string name;
};
// A file outside of the system's own, as for a new zone.
struct OfFile {
  std::string path;
};
using Source = std::variant<OfZone, OfTemplate, OfSnapshot, OfFile>;

// The configuration of one zone, in memory until it is saved. Throws NativeError with the library's codes.
class Document {
 public:
  explicit Document(const Source& source);
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  // Takes the library's lock by itself.
  ~Document();

  // Nothing when it is not set.
  std::optional<std::string> Get(Text property);
  bool Autoboot();
  bool ExclusiveIp();
  // -1 without one.
  int32_t Did();
  void Set(Text property, const std::optional<std::string>& value);
  void SetAutoboot(bool autoboot);
  void SetExclusiveIp(bool exclusive);
  // The next number of the machine, unless it has one. Throws the errno's name when there is none to be had.
  int32_t AssignDid();

  void Add(const Resource& resource);
  void Remove(const Resource& resource);
  // The new one goes to the end.
  void Replace(const Resource& before, const Resource& after);
  // The one that has the fields that are given. Nothing when there is none; Z_INSUFFICIENT_SPEC when there are several.
  std::optional<Resource> Find(const Resource& resource);
  // Those of one kind in the order of the document.
  std::vector<Resource> List(Kind kind);
  // `resource` as zonecfg(8) calls it: `attr`, `net`, `device`, `fs`, `dataset`, `rctl`, `admin`.
  int Count(const std::string& resource);
  void RemoveAll(const std::string& resource);

  // A resource control by its alias, `swap`. Nothing when it is not set.
  std::optional<uint64_t> Limit(const std::string& alias);
  void SetLimit(const std::string& alias, uint64_t limit);
  void RemoveLimit(const std::string& alias);

  // Turns what older systems wrote into what this one does. Whether that changed anything.
  bool FixObsolete();
  void Save();
  // Tells those who watch that the zone is new.
  void NotifyCreate();

 private:
  zone_dochandle_t handle_;
  // The zone is not in the index before it is saved.
  bool is_new_;
  std::string name_;
};

struct IndexEntry {
  std::string name, state, zonepath;
  std::optional<std::string> uuid;
  std::string brand;
  bool exclusive_ip;
  // -1 without one, or in lines of old systems.
  int32_t did;
};

// All zones in the order of the index, the global one too, each in the state that it is in now.
std::vector<IndexEntry> List();
// Nothing when there is no such zone.
std::optional<std::string> StateOf(const std::string& name);
void SetState(const std::string& name, const std::string& state);
// An installed or incomplete zone needs `force`.
void Destroy(const std::string& name, bool force);
std::optional<std::string> UuidOf(const std::string& name);
// Writes the zonepath into the index as well, unless it is empty.
void SetUuid(const std::string& name, const std::string& zonepath, const std::string& uuid);
std::optional<std::string> NameOfUuid(const std::string& uuid);
std::string ZonepathOf(const std::string& name);
std::string BrandOf(const std::string& name);
std::string DefaultBrand();
// Z_OK, or what is wrong with it.
int CheckName(const std::string& name);
std::string ErrorText(int code);
// Makes a running zone hold to the limits of its configuration.
void ApplyRctls(const std::string& name);
// How many mounts lie at and below a path.
int MountsUnder(const std::string& path);

// Zones in the kernel

std::vector<int32_t> RunningIds();
// Nothing when no such zone is there.
std::optional<int32_t> IdOf(const std::string& name);
std::optional<std::string> NameOf(int32_t id);

struct RunningZone {
  std::string name, root, status, brand, init_name, bootargs, scheduling_class, fs_allowed;
  uint64_t uniqid;
  bool exclusive_ip;
  std::optional<int32_t> init_pid;
  std::optional<uint32_t> hostid;
  int32_t did;
};
std::optional<RunningZone> Running(int32_t id);
std::vector<uint32_t> DatalinksOf(int32_t id);

// Brands

// Command lines are empty where the brand has none; nothing where a mandatory one is empty.
struct Brand {
  std::string init_name, kernel_module, install_options, verify_configuration;
  bool restart_init, allow_exclusive_ip;
  std::vector<std::pair<std::string, std::optional<std::string>>> hooks;
};
// Nothing when there is no such brand, or its definition is damaged.
std::optional<Brand> BrandInfo(const std::string& brand, const std::string& zone, const std::string& zonepath);

// zoneadmd

// Whether the daemon of the zone serves its door.
bool PingZoneadmd(const std::string& name);

struct Answer {
  // 0 when done.
  int32_t result;
  std::string messages;
};
// Has zoneadmd move a zone and waits until it has. Nothing when no daemon answers: start it and ask again. Blocks for
// as long as the zone takes, and calls the library only at its beginning.
std::optional<Answer> CallZoneadmd(const std::string& name, zone_cmd_t command, const std::string& bootargs,
                                   bool debug);

}  // namespace smartadm::zonecfg
