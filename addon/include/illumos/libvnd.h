// Devices that pass raw frames.
#pragma once

#include "illumos_types.h"

extern "C" {

#define LIBVND_NAMELEN 32
typedef struct vnd_handle vnd_handle_t;
typedef int vnd_errno_t; /* an enum in the real header; VND_E_SUCCESS = 0 */
typedef struct vnd_info {
  uint32_t vi_version;
  zoneid_t vi_zone;
  char vi_name[LIBVND_NAMELEN];
  char vi_datalink[LIBVND_NAMELEN];
} vnd_info_t;
typedef enum vnd_prop {
  VND_PROP_RXBUF = 0,
  VND_PROP_TXBUF,
  VND_PROP_MAXBUF,
  VND_PROP_MINTU,
  VND_PROP_MAXTU,
  VND_PROP_MAX
} vnd_prop_t;
typedef int (*vnd_walk_cb_t)(vnd_info_t*, void*);
extern vnd_handle_t* vnd_create(const char*, const char*, const char*, vnd_errno_t*, int*);
extern vnd_handle_t* vnd_open(const char*, const char*, vnd_errno_t*, int*);
extern int vnd_unlink(vnd_handle_t*);
extern void vnd_close(vnd_handle_t*);
extern vnd_errno_t vnd_errno(vnd_handle_t*);
extern int vnd_syserrno(vnd_handle_t*);
extern const char* vnd_strerror(vnd_errno_t);
extern const char* vnd_strsyserror(int);
extern int vnd_walk(vnd_walk_cb_t, void*, vnd_errno_t*, int*);
extern int vnd_prop_get(vnd_handle_t*, vnd_prop_t, void*, size_t);
extern int vnd_prop_set(vnd_handle_t*, vnd_prop_t, void*, size_t);

}  // extern "C"
