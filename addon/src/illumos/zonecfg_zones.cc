// Zones by name: the index, states, brands, the kernel's zones, zoneadmd.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/owned.h"
#include "core/unique_fd.h"
#include "illumos/zone_uuid.h"
#include "illumos/zonecfg.h"
#include "illumos/zonecfg_library.h"

namespace smartadm::zonecfg {
namespace {

constexpr size_t kPathSize = 1024;
// Strings of the kernel are shorter; a cut one would have no end.
constexpr size_t kAttributeSize = 4096;

// What one of the calls writes into a buffer that it is given.
template <typename Call>
std::string TextOf(const char* operation, const std::string& subject, Call call) {
  std::string buffer(kPathSize * 4, '\0');
  Check(call(buffer.data(), buffer.size()), operation, subject);
  return buffer.c_str();
}

std::string StateName(zone_state_t state) { return Lib().zone_state_str(state); }

// A value of a zone that the kernel has; nothing when the zone has gone or has no such value.
template <typename T>
std::optional<T> Attribute(int32_t id, int attribute) {
  T value = {};
  if (Lib().zone_getattr(id, attribute, &value, sizeof value) < 0) return std::nullopt;
  return value;
}

std::optional<std::string> TextAttribute(int32_t id, int attribute) {
  std::array<char, kAttributeSize> buffer = {};
  // The full size comes back even when what was written was cut, without its zero byte.
  if (Lib().zone_getattr(id, attribute, buffer.data(), buffer.size() - 1) < 0) return std::nullopt;
  return buffer.data();
}

const char* StatusName(zone_status_t status) {
  switch (status) {
    case ZONE_IS_UNINITIALIZED:
      return "uninitialized";
    case ZONE_IS_INITIALIZED:
      return "initialized";
    case ZONE_IS_READY:
      return "ready";
    case ZONE_IS_BOOTING:
      return "booting";
    case ZONE_IS_RUNNING:
      return "running";
    case ZONE_IS_SHUTTING_DOWN:
      return "shutting_down";
    case ZONE_IS_EMPTY:
      return "empty";
    case ZONE_IS_DOWN:
      return "down";
    case ZONE_IS_DYING:
      return "dying";
    case ZONE_IS_DEAD:
      return "dead";
    default:
      return "unknown";
  }
}

template <typename Get>
std::optional<std::string> BrandText(const Get& get) {
  // One that does not fit would seem not to be there: some name the zonepath several times.
  std::string buffer(kPathSize * 64, '\0');
  if (get(buffer.data(), buffer.size()) != 0) return std::nullopt;
  return buffer.c_str();
}

void CloseIndex(FILE* index) { Lib().endzoneent(index); }
void CloseBrand(brand_handle_t brand) { Lib().brand_close(brand); }

}  // namespace

std::vector<IndexEntry> List() {
  const Library& lib = Lib();
  std::vector<IndexEntry> list;
  lib.endzoneent.Require();
  const Owned<FILE, CloseIndex> index(lib.setzoneent());
  if (!index) return list;
  for (;;) {
    const Owned<struct zoneent, std::free> entry(lib.getzoneent_private(index.get()));
    if (!entry) return list;
    zone_state_t state = static_cast<zone_state_t>(entry->zone_state);
    // One that goes meanwhile is shown as the index had it.
    if (lib.zone_get_state(entry->zone_name, &state) != Z_OK) state = static_cast<zone_state_t>(entry->zone_state);
    // In a line without brand there is no did, and the library leaves that field as it was.
    list.push_back({entry->zone_name, StateName(state), entry->zone_path, UuidOrNone(entry->zone_uuid),
                    entry->zone_brand, entry->zone_iptype == ZS_EXCLUSIVE,
                    entry->zone_brand[0] == '\0' ? -1 : entry->zone_did});
  }
}

namespace {

// The library asks the kernel twice of a zone that runs: one that halts in between is an error to it.
int StateNow(const std::string& name, zone_state_t* state) {
  int code = Z_SYSTEM;
  for (int tries = 0; code == Z_SYSTEM && tries < 5; ++tries) code = Lib().zone_get_state(Writable(name), state);
  return code;
}

}  // namespace

std::optional<std::string> StateOf(const std::string& name) {
  RequireName(name);
  zone_state_t state = 0;
  const int code = StateNow(name, &state);
  if (code == Z_NO_ZONE) return std::nullopt;
  Check(code, "zone_get_state", name);
  return StateName(state);
}

void SetState(const std::string& name, const std::string& state) {
  RequireName(name);
  for (const zone_state_t each : {ZONE_STATE_CONFIGURED, ZONE_STATE_INCOMPLETE, ZONE_STATE_INSTALLED}) {
    if (StateName(each) == state) return Check(Lib().zone_set_state(Writable(name), each), "zone_set_state", name);
  }
  Fail("zone_set_state", name, Z_INVAL);
}

void Destroy(const std::string& name, bool force) {
  RequireName(name);
  zone_state_t state = 0;
  // Of a zone without a line in the index the library looks at a state that it never read.
  Check(Lib().zone_get_state(Writable(name), &state), "zonecfg_destroy", name);
  Check(Lib().zonecfg_destroy(name.c_str(), force ? B_TRUE : B_FALSE), "zonecfg_destroy", name);
}

std::optional<std::string> UuidOf(const std::string& name) {
  RequireName(name);
  uuid_t uuid = {};
  Check(Lib().zonecfg_get_uuid(name.c_str(), uuid), "zonecfg_get_uuid", name);
  return UuidOrNone(uuid);
}

void SetUuid(const std::string& name, const std::string& zonepath, const std::string& uuid) {
  RequireName(name);
  if (zonepath.size() >= kPathSize) Fail("zonecfg_set_uuid", name, Z_TOO_BIG);
  // It is written into the index as it is.
  if (!FitsIndex(zonepath) || (!zonepath.empty() && zonepath[0] != '/')) {
    Fail("zonecfg_set_uuid", name, Z_BAD_PROPERTY);
  }
  Check(Lib().zonecfg_set_uuid(name.c_str(), zonepath.c_str(), uuid.c_str()), "zonecfg_set_uuid", name);
}

std::optional<std::string> NameOfUuid(const std::string& text) {
  uuid_t uuid = {};
  if (!ParseUuid(text, uuid)) Fail("zonecfg_get_name_by_uuid", text, Z_INVALID_PROPERTY);
  std::array<char, kPathSize> name = {};
  const int code = Lib().zonecfg_get_name_by_uuid(uuid, name.data(), name.size());
  if (code == Z_NO_ZONE) return std::nullopt;
  Check(code, "zonecfg_get_name_by_uuid", text);
  return name.data();
}

std::string ZonepathOf(const std::string& name) {
  RequireName(name);
  return TextOf("zone_get_zonepath", name,
                [&](char* buffer, size_t size) { return Lib().zone_get_zonepath(Writable(name), buffer, size); });
}

std::string BrandOf(const std::string& name) {
  RequireName(name);
  return TextOf("zone_get_brand", name,
                [&](char* buffer, size_t size) { return Lib().zone_get_brand(Writable(name), buffer, size); });
}

std::string DefaultBrand() {
  return TextOf("zonecfg_default_brand", "",
                [](char* buffer, size_t size) { return Lib().zonecfg_default_brand(buffer, size); });
}

int CheckName(const std::string& name) { return Lib().zonecfg_validate_zonename(name.c_str()); }

void ApplyRctls(const std::string& name) {
  RequireName(name);
  const Library& lib = Lib();
  const Owned<zone_dochandle, [](zone_dochandle_t handle) { Lib().zonecfg_fini_handle(handle); }> handle(
      NewDocumentHandle());
  Check(lib.zonecfg_get_handle(name.c_str(), handle.get()), "zonecfg_get_handle", name);
  errno = 0;
  Check(lib.zonecfg_apply_rctls(Writable(name), handle.get()), "zonecfg_apply_rctls", name);
}

int MountsUnder(const std::string& path) {
  const auto go_on = [](const struct mnttab*, void*) { return 0; };
  const int count = Lib().zonecfg_find_mounts(Writable(path), go_on, nullptr);
  if (count < 0) throw NativeError("zonecfg", "zonecfg_find_mounts", errno, path);
  return count;
}

std::vector<int32_t> RunningIds() {
  const Library& lib = Lib();
  std::vector<zoneid_t> ids(64);
  for (;;) {
    auto count = static_cast<uint_t>(ids.size());
    if (lib.zone_list(ids.data(), &count) != 0) throw NativeError("zonecfg", "zone_list", errno);
    const bool all = count <= ids.size();
    ids.resize(count);
    if (all) return ids;
  }
}

std::optional<int32_t> IdOf(const std::string& name) {
  const zoneid_t id = Lib().getzoneidbyname(name.c_str());
  return id == -1 ? std::nullopt : std::optional<int32_t>(id);
}

std::optional<std::string> NameOf(int32_t id) {
  std::array<char, ZONENAME_MAX> name = {};
  if (Lib().getzonenamebyid(id, name.data(), name.size()) < 0) return std::nullopt;
  return name.data();
}

std::optional<RunningZone> Running(int32_t id) {
  const auto status = Attribute<zone_status_t>(id, ZONE_ATTR_STATUS);
  const auto name = TextAttribute(id, ZONE_ATTR_NAME);
  if (!status || !name) return std::nullopt;
  const auto text = [id](int attribute) { return TextAttribute(id, attribute).value_or(""); };
  return RunningZone{*name,
                     text(ZONE_ATTR_ROOT),
                     StatusName(*status),
                     text(ZONE_ATTR_BRAND),
                     text(ZONE_ATTR_INITNAME),
                     text(ZONE_ATTR_BOOTARGS),
                     text(ZONE_ATTR_SCHED_CLASS),
                     text(ZONE_ATTR_FS_ALLOWED),
                     Attribute<uint64_t>(id, ZONE_ATTR_UNIQID).value_or(0),
                     (Attribute<ushort_t>(id, ZONE_ATTR_FLAGS).value_or(0) & ZF_NET_EXCL) != 0,
                     Attribute<pid_t>(id, ZONE_ATTR_INITPID),
                     Attribute<uint32_t>(id, ZONE_ATTR_HOSTID),
                     Attribute<zoneid_t>(id, ZONE_ATTR_DID).value_or(-1)};
}

std::vector<uint32_t> DatalinksOf(int32_t id) {
  const Library& lib = Lib();
  std::vector<datalink_id_t> links(16);
  for (;;) {
    auto count = static_cast<int>(links.size());
    if (lib.zone_list_datalink(id, &count, links.data()) != 0) {
      throw NativeError("zonecfg", "zone_list_datalink", errno, std::to_string(id));
    }
    const bool all = static_cast<size_t>(count) <= links.size();
    links.resize(static_cast<size_t>(count));
    if (all) return links;
  }
}

std::optional<Brand> BrandInfo(const std::string& name, const std::string& zone, const std::string& zonepath) {
  RequireName(zone);
  if (zonepath.size() >= kPathSize) Fail("brand_open", name, Z_TOO_BIG);
  // A folder below /usr/lib/brand.
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) return std::nullopt;
  const Library& lib = Lib();
  lib.brand_close.Require();
  const Owned<__brand_handle, CloseBrand> brand(lib.brand_open(name.c_str()));
  if (!brand) return std::nullopt;
  const auto plain = [&](const auto& get) {
    return BrandText([&](char* buffer, size_t size) { return get(brand.get(), buffer, size); }).value_or("");
  };
  Brand info;
  info.init_name = plain(lib.brand_get_initname);
  info.kernel_module = plain(lib.brand_get_modname);
  info.install_options = plain(lib.brand_get_installopts);
  info.verify_configuration = plain(lib.brand_get_verify_cfg);
  info.restart_init = lib.brand_restartinit(brand.get()) == B_TRUE;
  info.allow_exclusive_ip = lib.brand_allow_exclusive_ip(brand.get()) == B_TRUE;
  const auto hook = [&](const char* hook_name, const auto& get) {
    info.hooks.emplace_back(hook_name, BrandText([&](char* buffer, size_t size) {
                              return get(brand.get(), zone.c_str(), zonepath.c_str(), buffer, size);
                            }));
  };
  hook("install", lib.brand_get_install);
  hook("postinstall", lib.brand_get_postinstall);
  hook("uninstall", lib.brand_get_uninstall);
  hook("preuninstall", lib.brand_get_preuninstall);
  hook("attach", lib.brand_get_attach);
  hook("postattach", lib.brand_get_postattach);
  hook("detach", lib.brand_get_detach);
  hook("predetach", lib.brand_get_predetach);
  hook("boot", lib.brand_get_boot);
  hook("halt", lib.brand_get_halt);
  hook("shutdown", lib.brand_get_shutdown);
  hook("sysboot", lib.brand_get_sysboot);
  hook("verify_adm", lib.brand_get_verify_adm);
  hook("prestatechange", lib.brand_get_prestatechange);
  hook("poststatechange", lib.brand_get_poststatechange);
  hook("query", lib.brand_get_query);
  return info;
}

bool PingZoneadmd(const std::string& name) {
  RequireName(name);
  return Lib().zonecfg_ping_zoneadmd(name.c_str()) == Z_OK;
}

std::optional<Answer> CallZoneadmd(const std::string& name, zone_cmd_t command, const std::string& bootargs,
                                   bool debug) {
  const Library& lib = Lib();
  zone_cmd_arg_t request;
  // zoneadmd reads all of it.
  std::memset(&request, 0, sizeof request);
  if (bootargs.size() >= sizeof request.bootbuf) Fail("boot", name, Z_TOO_BIG);
  request.cmd = command;
  request.debug = debug ? 1 : 0;
  std::memcpy(request.locale, "C", 2);
  std::memcpy(request.bootbuf, bootargs.c_str(), bootargs.size() + 1);
  std::string door;
  if (!Exclusively([&] {
        if (!PingZoneadmd(name)) return false;
        const auto id = IdOf(name);
        request.uniqid = id ? Attribute<uint64_t>(*id, ZONE_ATTR_UNIQID).value_or(0) : 0;
        door = std::string(lib.zonecfg_get_root()) + ZONES_TMPDIR "/" + name + ".zoneadmd_door";
        return true;
      })) {
    return std::nullopt;
  }
  const UniqueFd fd(::open(door.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    throw NativeError("zonecfg", "open", errno, door);
  }
  std::vector<char> reply(static_cast<size_t>(::sysconf(_SC_PAGESIZE)));
  door_arg_t call = {};
  call.data_ptr = reinterpret_cast<char*>(&request);
  call.data_size = sizeof request;
  call.rbuf = reply.data();
  call.rsize = reply.size();
  if (lib.door_call(fd.get(), &call) != 0) {
    // The door has been revoked: the daemon has gone.
    if (errno == EBADF) return std::nullopt;
    throw NativeError("zonecfg", "door_call", errno, name);
  }
  std::optional<Answer> answer;
  // Without a reply the daemon is on its way out.
  if (call.data_size >= offsetof(zone_cmd_rval_t, errbuf)) {
    Answer got = {};
    std::memcpy(&got.result, call.data_ptr, sizeof got.result);
    const char* text = call.data_ptr + offsetof(zone_cmd_rval_t, errbuf);
    got.messages.assign(text, ::strnlen(text, call.data_size - offsetof(zone_cmd_rval_t, errbuf)));
    answer = std::move(got);
  }
  // A reply that did not fit was put into memory of its own.
  if (call.rbuf != reply.data()) ::munmap(call.rbuf, call.rsize);
  return answer;
}

}  // namespace smartadm::zonecfg
