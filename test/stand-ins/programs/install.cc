// zoneadm(8) install and uninstall, with what the hooks of SmartOS's brands do for them.
#include <libnvpair.h>
#include <libzfs.h>
#include <libzfs_core.h>
#include <libzonecfg.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "programs.h"

namespace {

namespace fs = std::filesystem;

std::string Root() { return std::getenv("SMARTADM_STAND_IN_ROOT"); }

struct CloseZfs {
  void operator()(zfs_handle_t* handle) const { zfs_close(handle); }
};
using Zfs = std::unique_ptr<zfs_handle_t, CloseZfs>;

struct FreeList {
  void operator()(nvlist_t* list) const { nvlist_free(list); }
};
using List = std::unique_ptr<nvlist_t, FreeList>;

List Properties(const std::vector<std::pair<std::string, std::string>>& values) {
  nvlist_t* list = nullptr;
  nvlist_alloc(&list, NV_UNIQUE_NAME, 0);
  for (const auto& [name, value] : values) nvlist_add_string(list, name.c_str(), value.c_str());
  return List(list);
}

int Fail(libzfs_handle_t* library, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), libzfs_error_description(library));
  return 1;
}

std::string AttrOf(const std::string& zone, const char* name) {
  const zone_dochandle_t handle = zonecfg_init_handle();
  struct zone_attrtab attr = {};
  std::strcpy(attr.zone_attr_name, name);
  std::string value;
  if (zonecfg_get_handle(zone.c_str(), handle) == Z_OK && zonecfg_lookup_attr(handle, &attr) == Z_OK) {
    value = attr.zone_attr_value;
  }
  zonecfg_fini_handle(handle);
  return value;
}

std::string ZonepathOf(const std::string& zone) {
  char path[1024] = "";
  zone_get_zonepath(const_cast<char*>(zone.c_str()), path, sizeof path);
  return path;
}

int Mount(libzfs_handle_t* library, const std::string& name) {
  const Zfs dataset(zfs_open(library, name.c_str(), ZFS_TYPE_FILESYSTEM));
  return !dataset || zfs_mount(dataset.get(), nullptr, 0) != 0 ? Fail(library, "cannot mount " + name) : 0;
}

int CloneImage(libzfs_handle_t* library, const std::string& pool, const std::string& image, const std::string& zone,
               const std::string& quota) {
  std::string origin = pool + "/" + image + "@final";
  if (zfs_dataset_exists(library, origin.c_str(), ZFS_TYPE_SNAPSHOT) == B_FALSE) {
    origin = pool + "/" + image + "@" + zone;
    const List snapshots = Properties({});
    nvlist_add_boolean(snapshots.get(), origin.c_str());
    nvlist_t* errors = nullptr;
    if (lzc_snapshot(snapshots.get(), nullptr, &errors) != 0) return Fail(library, "cannot snapshot " + origin);
    nvlist_free(errors);
  }
  std::vector<std::pair<std::string, std::string>> values = {{"devices", "off"}};
  if (quota != "0") values.emplace_back("quota", quota + "g");
  const Zfs snapshot(zfs_open(library, origin.c_str(), ZFS_TYPE_SNAPSHOT));
  const std::string target = pool + "/" + zone;
  const List properties = Properties(values);
  if (!snapshot || zfs_clone(snapshot.get(), target.c_str(), properties.get()) != 0) {
    return Fail(library, "cannot clone " + origin);
  }
  return Mount(library, target);
}

// The hook of a brand.
int Hook(libzfs_handle_t* library, const std::string& zone, const std::string& quota, const std::string& image,
         bool has_dataset) {
  if (AttrOf(zone, "transition").rfind("receiving:", 0) == 0) return 0;
  const std::string zonepath = ZonepathOf(zone);
  const std::string pool = zonepath.substr(1, zonepath.find('/', 1) - 1);
  const std::string target = pool + "/" + zone;
  int status = 0;
  if (!image.empty()) {
    status = CloneImage(library, pool, image, zone, quota);
  } else if (!has_dataset && zfs_dataset_exists(library, target.c_str(), ZFS_TYPE_FILESYSTEM) == B_FALSE) {
    const List properties = Properties({});
    status = zfs_create(library, target.c_str(), ZFS_TYPE_FILESYSTEM, properties.get()) == 0
                 ? Mount(library, target)
                 : Fail(library, "cannot create " + target);
  }
  if (status != 0) return status;
  const std::string place = Root() + zonepath;
  for (const char* folder : {"/config", "/root/tmp", "/root/var/svc"}) fs::create_directories(place + folder);
  const std::string cores = pool + "/cores/" + zone;
  const std::string parent = pool + "/cores";
  const List none = Properties({});
  if (zfs_dataset_exists(library, parent.c_str(), ZFS_TYPE_FILESYSTEM) == B_FALSE) {
    zfs_create(library, parent.c_str(), ZFS_TYPE_FILESYSTEM, none.get());
  }
  const List properties = Properties({{"quota", "100g"}, {"mountpoint", zonepath + "/cores"}});
  if (zfs_create(library, cores.c_str(), ZFS_TYPE_FILESYSTEM, properties.get()) != 0) {
    return Fail(library, "cannot create " + cores);
  }
  ::chmod(place.c_str(), 0700);
  return 0;
}

int DestroyOne(zfs_handle_t* handle, void*) {
  zfs_unmount(handle, nullptr, 0);
  const int result = zfs_destroy(handle, B_FALSE);
  zfs_close(handle);
  return result;
}

// A dataset with all that is below it; fine when it is not there.
void DestroyAll(libzfs_handle_t* library, const std::string& name) {
  const Zfs dataset(zfs_open(library, name.c_str(), ZFS_TYPE_FILESYSTEM));
  if (!dataset) return;
  zfs_iter_dependents(dataset.get(), B_FALSE, DestroyOne, nullptr);
  zfs_unmount(dataset.get(), nullptr, 0);
  zfs_destroy(dataset.get(), B_FALSE);
}

int Unhook(libzfs_handle_t* library, const std::string& zone) {
  const std::string zonepath = ZonepathOf(zone);
  const std::string pool = zonepath.substr(1, zonepath.find('/', 1) - 1);
  const std::string target = pool + "/" + zone;
  char origin[ZFS_MAX_DATASET_NAME_LEN] = "";
  if (const Zfs dataset(zfs_open(library, target.c_str(), ZFS_TYPE_FILESYSTEM)); dataset) {
    zfs_prop_get(dataset.get(), ZFS_PROP_ORIGIN, origin, sizeof origin, nullptr, nullptr, 0, B_TRUE);
  }
  DestroyAll(library, pool + "/cores/" + zone);
  DestroyAll(library, target);
  const std::string snapshot = origin;
  if (snapshot.find('@') != std::string::npos && snapshot.substr(snapshot.find('@')) != "@final") {
    const Zfs made(zfs_open(library, origin, ZFS_TYPE_SNAPSHOT));
    if (made) zfs_destroy(made.get(), B_FALSE);
  }
  fs::remove_all(Root() + zonepath);
  fs::remove_all(Root() + "/var/zonecontrol/" + zone);
  return 0;
}

}  // namespace

namespace standin {

int Zoneadm(const std::string& zone, const std::string& command, const std::vector<std::string>& options) {
  char* name = const_cast<char*>(zone.c_str());
  zone_state_t state;
  if (zone_get_state(name, &state) != Z_OK) {
    std::fprintf(stderr, "zoneadm: %s: No such zone configured\n", name);
    return 1;
  }
  std::string quota = "0";
  std::string image;
  bool has_dataset = false;
  for (size_t i = 0; i < options.size(); ++i) {
    const bool has_value = i + 1 < options.size();
    if (options[i] == "-q" && has_value) quota = options[i + 1];
    if (options[i] == "-t" && has_value) image = options[i + 1];
    if (options[i] == "-x" && has_value) has_dataset = has_dataset || options[i + 1] == "nodataset";
  }
  const bool installs = command == "install";
  const bool fits =
      installs ? state == ZONE_STATE_CONFIGURED : state == ZONE_STATE_INCOMPLETE || state == ZONE_STATE_INSTALLED;
  if ((!installs && command != "uninstall") || !fits) {
    std::fprintf(stderr, "zoneadm: zone '%s': %s operation is invalid in state '%s'.\n", name, command.c_str(),
                 zone_state_str(state));
    return 1;
  }
  libzfs_handle_t* library = libzfs_init();
  if (library == nullptr || libzfs_core_init() != 0) return 1;
  zone_set_state(name, ZONE_STATE_INCOMPLETE);
  const int status = installs ? Hook(library, zone, quota, image, image.empty() && has_dataset) : Unhook(library, zone);
  if (status == 0) zone_set_state(name, installs ? ZONE_STATE_INSTALLED : ZONE_STATE_CONFIGURED);
  libzfs_fini(library);
  if (status != 0) std::fprintf(stderr, "zoneadm: zone '%s': '%s' failed\n", name, command.c_str());
  return status;
}

}  // namespace standin
