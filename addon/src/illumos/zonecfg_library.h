// The functions of libzonecfg, libbrand and libc's zone calls, found by name at run time.
#pragma once

#include <door.h>
#include <libzonecfg.h>

#include <string>
#include <utility>

#include "illumos/imported.h"

// clang-format off
#define SMARTADM_ZONECFG_FUNCTIONS(F)                                                                                 \
  F(zonecfg_init_handle) F(zonecfg_fini_handle) F(zonecfg_get_handle) F(zonecfg_get_snapshot_handle)                  \
  F(zonecfg_get_template_handle) F(zonecfg_get_xml_handle) F(zonecfg_save) F(zonecfg_destroy) F(zonecfg_strerror)     \
  F(zonecfg_get_root) F(zonecfg_num_resources) F(zonecfg_del_all_resources) F(zonecfg_notify_create)                  \
  F(zonecfg_fix_obsolete) F(zonecfg_validate_zonename) F(zonecfg_get_name) F(zonecfg_set_name)                        \
  F(zonecfg_get_zonepath) F(zonecfg_set_zonepath) F(zonecfg_get_brand) F(zonecfg_set_brand) F(zonecfg_get_autoboot)   \
  F(zonecfg_set_autoboot) F(zonecfg_get_iptype) F(zonecfg_set_iptype) F(zonecfg_get_pool) F(zonecfg_set_pool)         \
  F(zonecfg_get_bootargs) F(zonecfg_set_bootargs) F(zonecfg_get_sched_class) F(zonecfg_set_sched)                     \
  F(zonecfg_get_limitpriv) F(zonecfg_set_limitpriv) F(zonecfg_get_hostid) F(zonecfg_set_hostid)                       \
  F(zonecfg_get_fs_allowed) F(zonecfg_set_fs_allowed) F(zonecfg_get_did) F(zonecfg_set_did)                           \
  F(zonecfg_default_brand) F(zonecfg_add_filesystem) F(zonecfg_delete_filesystem) F(zonecfg_modify_filesystem)        \
  F(zonecfg_lookup_filesystem) F(zonecfg_free_fs_option_list) F(zonecfg_find_mounts) F(zonecfg_free_res_attr_list)    \
  F(zonecfg_add_nwif) F(zonecfg_delete_nwif) F(zonecfg_modify_nwif) F(zonecfg_lookup_nwif) F(zonecfg_add_dev)         \
  F(zonecfg_delete_dev) F(zonecfg_modify_dev) F(zonecfg_lookup_dev) F(zonecfg_add_attr) F(zonecfg_delete_attr)        \
  F(zonecfg_modify_attr) F(zonecfg_lookup_attr) F(zonecfg_add_rctl) F(zonecfg_delete_rctl) F(zonecfg_modify_rctl)     \
  F(zonecfg_lookup_rctl) F(zonecfg_free_rctl_value_list) F(zonecfg_set_aliased_rctl) F(zonecfg_get_aliased_rctl)      \
  F(zonecfg_rm_aliased_rctl) F(zonecfg_apply_rctls) F(zonecfg_add_ds) F(zonecfg_delete_ds) F(zonecfg_modify_ds)       \
  F(zonecfg_lookup_ds) F(zonecfg_add_pset) F(zonecfg_delete_pset) F(zonecfg_modify_pset) F(zonecfg_lookup_pset)       \
  F(zonecfg_add_admin) F(zonecfg_delete_admin) F(zonecfg_lookup_admin) F(zonecfg_add_secflags)                        \
  F(zonecfg_delete_secflags) F(zonecfg_lookup_secflags) F(zonecfg_setfsent) F(zonecfg_getfsent) F(zonecfg_endfsent)   \
  F(zonecfg_setnwifent) F(zonecfg_getnwifent) F(zonecfg_endnwifent) F(zonecfg_setdevent) F(zonecfg_getdevent)         \
  F(zonecfg_enddevent) F(zonecfg_setattrent) F(zonecfg_getattrent) F(zonecfg_endattrent) F(zonecfg_setrctlent)        \
  F(zonecfg_getrctlent) F(zonecfg_endrctlent) F(zonecfg_setdsent) F(zonecfg_getdsent) F(zonecfg_enddsent)             \
  F(zonecfg_setadminent) F(zonecfg_getadminent) F(zonecfg_endadminent) F(zonecfg_getpsetent)                          \
  F(zonecfg_getsecflagsent) F(zone_get_state) F(zone_set_state) F(zone_state_str) F(zone_get_zonepath)                \
  F(zone_get_brand) F(zonecfg_get_uuid) F(zonecfg_set_uuid) F(zonecfg_get_name_by_uuid) F(setzoneent)                 \
  F(getzoneent_private) F(endzoneent) F(zonecfg_ping_zoneadmd) F(getzoneidbyname) F(getzonenamebyid)                  \
  F(zone_getattr) F(zone_list) F(zone_list_datalink) F(door_call) F(brand_open) F(brand_close)                        \
  F(brand_get_initname) F(brand_get_modname) F(brand_get_installopts) F(brand_get_verify_cfg) F(brand_restartinit)    \
  F(brand_allow_exclusive_ip) F(brand_get_install) F(brand_get_postinstall) F(brand_get_uninstall)                    \
  F(brand_get_preuninstall) F(brand_get_attach) F(brand_get_postattach) F(brand_get_detach) F(brand_get_predetach)    \
  F(brand_get_boot) F(brand_get_halt) F(brand_get_shutdown) F(brand_get_sysboot) F(brand_get_verify_adm)              \
  F(brand_get_prestatechange) F(brand_get_poststatechange) F(brand_get_query)
// clang-format on

namespace smartadm::zonecfg {

// It brings in libbrand, and libc has the zone calls: both are found through it.
struct Library : SystemLibrary {
  Library() : SystemLibrary("zonecfg", "libzonecfg.so.1") {}

  SMARTADM_ZONECFG_FUNCTIONS(SMARTADM_IMPORT)
};

inline const Library& Lib() { return Opened<Library>(); }

// `Z_NO_ZONE` for 16.
const char* CodeName(int code);

[[noreturn]] void Fail(const char* operation, const std::string& subject, int code);

inline void Check(int code, const char* operation, const std::string& subject) {
  if (code != Z_OK) Fail(operation, subject, code);
}

// Names become parts of paths in the library. Throws Z_BOGUS_ZONE_NAME.
void RequireName(const std::string& name);

// A handle without a document, which the caller has to give back.
zone_dochandle_t NewDocumentHandle();

// Whether `text` can be a field of a line in the index, which the library writes as it is.
bool FitsIndex(const std::string& text);

// Text in memory that may be written to, as the library's older functions want it.
class Writable {
 public:
  explicit Writable(std::string text) : text_(std::move(text)) {}
  operator char*() { return text_.data(); }

 private:
  std::string text_;
};

}  // namespace smartadm::zonecfg
