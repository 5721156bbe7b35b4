// Sizes, offsets and numbers that the illumos addons rely on. On illumos the platform's own headers are measured, so a
// platform that differs stops the build instead of corrupting memory; elsewhere our declarations are.
#include <door.h>
#include <kstat.h>
#include <libdladm.h>
#include <libdlvnic.h>
#include <libzfs.h>
#include <libzonecfg.h>
#include <sys/mount.h>
#include <zone.h>

#include <cstddef>

namespace {

static_assert(sizeof(boolean_t) == 4 && B_FALSE == 0 && B_TRUE == 1);

// libzonecfg
static_assert(sizeof(struct zoneent) == 1436);
static_assert(offsetof(struct zoneent, zone_state) == 64);
static_assert(offsetof(struct zoneent, zone_path) == 68);
static_assert(offsetof(struct zoneent, zone_uuid) == 1092);
static_assert(offsetof(struct zoneent, zone_newname) == 1108);
static_assert(offsetof(struct zoneent, zone_brand) == 1172);
static_assert(offsetof(struct zoneent, zone_iptype) == 1428);
static_assert(offsetof(struct zoneent, zone_did) == 1432);
static_assert(sizeof(zone_fsopt_t) == 1032);
static_assert(sizeof(struct zone_fstab) == 3096);
static_assert(offsetof(struct zone_fstab, zone_fs_options) == 2064);
static_assert(offsetof(struct zone_fstab, zone_fs_raw) == 2072);
static_assert(sizeof(struct zone_res_attrtab) == 1288);
static_assert(sizeof(struct zone_nwiftab) == 248);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_physical) == 92);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_mac) == 124);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_vlan_id) == 144);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_gnic) == 155);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_defrouter) == 187);
static_assert(offsetof(struct zone_nwiftab, zone_nwif_attrp) == 240);
static_assert(sizeof(struct zone_devtab) == 1032);
static_assert(sizeof(struct zone_rctlvaltab) == 776);
static_assert(sizeof(struct zone_rctltab) == 264);
static_assert(sizeof(struct zone_attrtab) == 2560);
static_assert(sizeof(struct zone_dstab) == 256);
static_assert(sizeof(struct zone_psettab) == 768);
static_assert(sizeof(struct zone_admintab) == 4128);
static_assert(sizeof(struct zone_secflagstab) == 3072);
static_assert(Z_OK == 0 && Z_INSUFFICIENT_SPEC == 29 && Z_RESOLVED_PATH == 34 && Z_INVALID_PROPERTY == 50);
static_assert(ZONE_STATE_CONFIGURED == 0 && ZONE_STATE_INSTALLED == 2 && ZONE_STATE_MOUNTED == 7);
static_assert(ZS_SHARED == 0 && ZS_EXCLUSIVE == 1);

// Zones
static_assert(sizeof(zone_cmd_arg_t) == 1304);
static_assert(offsetof(zone_cmd_arg_t, cmd) == 8);
static_assert(offsetof(zone_cmd_arg_t, debug) == 16);
static_assert(offsetof(zone_cmd_arg_t, locale) == 20);
static_assert(offsetof(zone_cmd_arg_t, bootbuf) == 1044);
static_assert(offsetof(zone_cmd_rval_t, errbuf) == 4);
static_assert(Z_READY == 0 && Z_HALT == 4 && Z_SHUTDOWN == 9);
static_assert(ZONE_ATTR_SCHED_CLASS == 12 && ZONE_ATTR_DID == 17);
static_assert(ZONE_IS_READY == 2 && ZONE_IS_RUNNING == 4 && ZONE_IS_DEAD == 9);
static_assert(sizeof(door_arg_t) == 48);

// libdladm
static_assert(sizeof(dladm_vnic_attr_t) == 15488);
static_assert(sizeof(dladm_arg_info_t) == 528);
static_assert(sizeof(dladm_arg_list_t) == 16912);
static_assert(DLADM_STATUS_LINKBUSY == 24 && DLADM_STATUS_PERSIST_ON_TEMP == 86);
static_assert(DLADM_STRSIZE == 2048);

// libzfs and libkstat
static_assert(sizeof(sendflags_t) == 60 && sizeof(recvflags_t) == 44);
static_assert(sizeof(kstat_named_t) == 48);
static_assert(EZFS_BADTYPE == 2007 && EZFS_NOSPC == 2033 && EZFS_UNKNOWN == 2089);
static_assert(ZFS_TYPE_BOOKMARK == 0x10 && ZPROP_SRC_RECEIVED == 0x20 && LZC_SEND_FLAG_RAW == 8);
static_assert(ZFS_PROP_CANMOUNT == 28 && ZFS_PROP_USERREFS == 52 && ZPOOL_PROP_HEALTH == 4);
static_assert(MS_OVERLAY == 0x80 && MS_FORCE == 0x400);
#ifdef __sun
static_assert(ZFS_NUM_PROPS == 84 && ZPOOL_NUM_PROPS == 32);
#endif

}  // namespace
