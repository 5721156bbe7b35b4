// The functions of libzfs, libzfs_core and libnvpair, found by name at run time, and what differs between systems.
#pragma once

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "core/native_error.h"
#include "illumos/imported.h"

// The system's headers come last: they define macros.
#include <libzfs.h>
#include <libzfs_core.h>
#include <sys/mount.h>

#if defined(__linux__) && !defined(SMARTADM_ILLUMOS_DECLARATIONS)
// OpenZFS of Linux, whose prototypes differ in a few places.
#define SMARTADM_OPENZFS 1
#endif

// clang-format off
#define SMARTADM_ZFS_FUNCTIONS(F)                                                                                     \
  F(libzfs_init) F(libzfs_fini) F(libzfs_errno) F(libzfs_error_action) F(libzfs_error_description) F(zfs_open)        \
  F(zfs_close) F(zfs_get_type) F(zfs_get_name) F(zfs_get_pool_handle) F(zfs_dataset_exists) F(zfs_name_valid)         \
  F(zfs_create) F(zfs_create_ancestors) F(zfs_clone) F(zfs_destroy) F(zfs_rename) F(zfs_promote) F(zfs_rollback)      \
  F(zvol_volsize_to_reservation) F(zfs_nicestrtonum) F(zfs_name_to_prop) F(zfs_prop_get) F(zfs_prop_get_int)          \
  F(zfs_prop_set_list) F(zfs_prop_inherit) F(zfs_get_user_props) F(zfs_iter_root) F(zfs_iter_filesystems)             \
  F(zfs_iter_snapshots_sorted) F(zfs_iter_bookmarks) F(zfs_iter_dependents) F(zfs_is_mounted) F(zfs_mount)            \
  F(zfs_unmount) F(zfs_receive) F(zpool_open_canfail) F(zpool_close) F(zpool_get_name) F(zpool_iter)                  \
  F(zpool_name_to_prop) F(zpool_get_prop) F(zfs_bookmark_exists) F(zfs_send_resume_token_to_nvlist) F(lzc_bookmark)   \
  F(lzc_destroy_bookmarks) F(lzc_send_resume) F(nvlist_exists) F(nvlist_lookup_uint64) F(lzc_exists) F(lzc_snapshot)  \
  F(lzc_destroy_snaps) F(lzc_hold) F(lzc_release) F(lzc_get_holds) F(lzc_send) F(lzc_send_space) F(nvlist_alloc)      \
  F(nvlist_free) F(nvlist_add_uint64) F(nvlist_add_boolean) F(nvlist_add_string) F(nvlist_add_nvlist)                 \
  F(nvlist_lookup_string) F(nvlist_next_nvpair) F(nvpair_name) F(nvpair_value_int32) F(nvpair_value_uint64)           \
  F(nvpair_value_nvlist)
// clang-format on

namespace smartadm::zfs {

// On Linux the name says which version the headers were of.
#ifndef SMARTADM_ZFS_LIBRARY
#define SMARTADM_ZFS_LIBRARY "libzfs.so.1"
#endif

// It brings in libzfs_core and libnvpair, which are found through it.
struct Library : SystemLibrary {
  Library() : SystemLibrary("zfs", SMARTADM_ZFS_LIBRARY) {}

  SMARTADM_ZFS_FUNCTIONS(SMARTADM_IMPORT)
};

inline const Library& Lib() { return Opened<Library>(); }

// `EZFS_BUSY` for 2008, or 2007.
const char* CodeName(int code);

// Throws an error of libzfs that it did not have to be asked for.
[[noreturn]] void Refuse(const char* operation, const std::string& subject, int code, const std::string& why);

template <const auto Library::*Function>
struct ClosedBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    (Lib().*Function)(object);
  }
};

using Dataset = std::unique_ptr<zfs_handle_t, ClosedBy<&Library::zfs_close>>;
using PoolHandle = std::unique_ptr<zpool_handle_t, ClosedBy<&Library::zpool_close>>;
using List = std::unique_ptr<nvlist_t, ClosedBy<&Library::nvlist_free>>;

inline boolean_t ToBoolean(bool value) { return value ? B_TRUE : B_FALSE; }

}  // namespace smartadm::zfs
