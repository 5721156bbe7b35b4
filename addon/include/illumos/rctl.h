// Resource controls of the calling process (libc).
#pragma once

#include "illumos_types.h"

extern "C" {

typedef struct rctlblk rctlblk_t;
typedef u_longlong_t rctl_qty_t;
typedef int rctl_priv_t;

#define RCPRIV_BASIC 0x01000000
#define RCPRIV_PRIVILEGED 0x04000000
#define RCPRIV_SYSTEM 0x07000000
#define RCTL_LOCAL_NOACTION 0
#define RCTL_LOCAL_SIGNAL 1
#define RCTL_LOCAL_DENY 2
#define RCTL_FIRST 0 /* getrctl flags */
#define RCTL_NEXT 1
#define RCTL_USAGE 2
#define RCTL_INSERT 0 /* setrctl flags */
#define RCTL_DELETE 1
#define RCTL_REPLACE 2
extern int getrctl(const char*, rctlblk_t*, rctlblk_t*, int);
extern int setrctl(const char*, rctlblk_t*, rctlblk_t*, int);
extern size_t rctlblk_size(void);
extern rctl_priv_t rctlblk_get_privilege(rctlblk_t*);
extern rctl_qty_t rctlblk_get_value(rctlblk_t*);
extern uint_t rctlblk_get_local_action(rctlblk_t*, int*);
extern void rctlblk_set_privilege(rctlblk_t*, rctl_priv_t);
extern void rctlblk_set_value(rctlblk_t*, rctl_qty_t);
extern void rctlblk_set_local_action(rctlblk_t*, uint_t, int);
extern void rctlblk_set_local_flags(rctlblk_t*, uint_t);

}  // extern "C"
