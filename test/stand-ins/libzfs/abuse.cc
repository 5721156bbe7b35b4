// Makes one call that libzfs does not survive: CASE. It ends well only when the library lets it pass.
#include <libzfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace {

int Visit(zfs_handle_t* handle, void* data) {
  auto* library = static_cast<libzfs_handle_t*>(data);
  // From another thread while this one is inside.
  std::thread([library] { libzfs_errno(library); }).join();
  zfs_close(handle);
  return 0;
}

}  // namespace

int main(int, char** arguments) {
  const std::string device = std::string(std::getenv("SMARTADM_STAND_IN_ROOT")) + "/dev/zfs";
  libzfs_handle_t* library = libzfs_init();
  const auto open = [&] { return zfs_open(library, "zones", ZFS_TYPE_DATASET); };
  const std::map<std::string, std::function<void()>> cases = {
      {"clone of a filesystem", [&] { zfs_clone(open(), "zones/x", nullptr); }},
      {"rename to a pool",
       [&] {
         zfs_create(library, "zones/a", ZFS_TYPE_FILESYSTEM, nullptr);
         zfs_rename(zfs_open(library, "zones/a", ZFS_TYPE_DATASET), "elsewhere", B_FALSE, B_FALSE);
       }},
      {"no snapshots", [&] { zfs_snapshot_nvl(library, fnvlist_alloc(), nullptr); }},
      {"snapshots without a pool",
       [&] {
         nvlist_t* names = fnvlist_alloc();
         fnvlist_add_boolean(names, "nowhere@s");
         zfs_snapshot_nvl(library, names, nullptr);
       }},
      {"printing an unknown error",
       [&] {
         libzfs_print_on_error(library, B_TRUE);
         open();
       }},
      {"receive without the device",
       [&] {
         ::unlink(device.c_str());
         recvflags_t flags = {};
         zfs_receive(library, "zones/x", nullptr, &flags, 0, nullptr);
       }},
      {"two threads", [&] { zfs_iter_root(library, Visit, library); }},
      {"a pair of another list",
       [&] {
         nvlist_t* one = fnvlist_alloc();
         nvlist_t* other = fnvlist_alloc();
         fnvlist_add_boolean(one, "a");
         nvlist_next_nvpair(other, nvlist_next_nvpair(one, nullptr));
       }},
      {"no library", [&] { zfs_open(nullptr, "zones", ZFS_TYPE_DATASET); }},
      {"core without a library",
       [&] {
         libzfs_fini(library);
         lzc_exists("zones");
       }},
  };
  cases.at(arguments[1])();
  std::fprintf(stderr, "it went on\n");
  return 0;
}
