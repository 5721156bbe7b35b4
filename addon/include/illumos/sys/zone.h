// Zones as the kernel knows them.
#pragma once

#include "illumos_types.h"

extern "C" {

#define MAX_ZONES 8192
#define GLOBAL_ZONEID 0
#define MIN_USERZONEID 1
#define ALL_ZONES (-1)
#define ZONENAME_MAX 64
#define GLOBAL_ZONENAME "global"
#define ZONES_TMPDIR "/var/run/zones"
#define ZONE_DOOR_PATH "/var/run/zones/%s.zoneadmd_door"

typedef enum {
  ZONE_IS_UNINITIALIZED = 0,
  ZONE_IS_INITIALIZED,
  ZONE_IS_READY,
  ZONE_IS_BOOTING,
  ZONE_IS_RUNNING,
  ZONE_IS_SHUTTING_DOWN,
  ZONE_IS_EMPTY,
  ZONE_IS_DOWN,
  ZONE_IS_DYING,
  ZONE_IS_DEAD,
  ZONE_IS_FREE /* ZONE_IS_FREE: SmartOS, only seen in events */
} zone_status_t;

typedef enum zone_cmd {
  Z_READY,
  Z_BOOT,
  Z_FORCEBOOT,
  Z_REBOOT,
  Z_HALT,
  Z_NOTE_UNINSTALLING,
  Z_MOUNT,
  Z_FORCEMOUNT,
  Z_UNMOUNT,
  Z_SHUTDOWN
} zone_cmd_t; /* 0 .. 9 */

typedef struct zone_cmd_arg { /* sizeof 1304; volatile: depends on BOOTARGS_MAX */
  uint64_t uniqid;            /*    0 zone generation number */
  zone_cmd_t cmd;             /*    8 */
  int status;                 /*   12 SmartOS: init exit status on kernel upcalls */
  uint32_t debug;             /*   16 SmartOS: run brand hooks in debug mode */
  char locale[1024];          /*   20 */
  char bootbuf[256];          /* 1044 boot arguments */
  int pad;                    /* 1300 */
} zone_cmd_arg_t;
/* upstream layout: uniqid, cmd, uint32_t _pad, locale, bootbuf (1296 bytes) */

typedef struct zone_cmd_rval {
  int rval;       /* 0 = success */
  char errbuf[1]; /* newline-separated messages, NUL terminated */
} zone_cmd_rval_t;

// Numbers of SmartOS; elsewhere they differ.
enum {
  ZONE_ATTR_ROOT = 1,
  ZONE_ATTR_NAME = 2,
  ZONE_ATTR_STATUS = 3,
  ZONE_ATTR_PRIVSET = 4,
  ZONE_ATTR_UNIQID = 5,
  ZONE_ATTR_POOLID = 6,
  ZONE_ATTR_INITPID = 7,
  ZONE_ATTR_SLBL = 8,
  ZONE_ATTR_INITNAME = 9,
  ZONE_ATTR_BOOTARGS = 10,
  ZONE_ATTR_BRAND = 11,
  ZONE_ATTR_SCHED_CLASS = 12,
  ZONE_ATTR_FLAGS = 13,
  ZONE_ATTR_HOSTID = 14,
  ZONE_ATTR_FS_ALLOWED = 15,
  ZONE_ATTR_NETWORK = 16,
  ZONE_ATTR_DID = 17,
  ZONE_ATTR_INITNORESTART = 18,
  ZONE_ATTR_SECFLAGS = 21,
  ZONE_ATTR_BRAND_ATTRS = 32768
};
#define ZF_NET_EXCL 0x8

}  // extern "C"
