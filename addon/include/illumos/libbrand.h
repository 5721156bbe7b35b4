// Brand definitions.
#pragma once

#include "illumos_types.h"

extern "C" {

typedef struct __brand_handle* brand_handle_t;
extern brand_handle_t brand_open(const char*);
extern void brand_close(brand_handle_t);
extern int brand_get_initname(brand_handle_t, char*, size_t);
extern int brand_get_modname(brand_handle_t, char*, size_t);
extern int brand_get_installopts(brand_handle_t, char*, size_t);
extern int brand_get_verify_cfg(brand_handle_t, char*, size_t);
extern int brand_get_login_cmd(brand_handle_t, const char*, char*, size_t);
extern int brand_get_user_cmd(brand_handle_t, const char*, char*, size_t);
extern boolean_t brand_restartinit(brand_handle_t);
extern boolean_t brand_allow_exclusive_ip(brand_handle_t);
/* all of these: (handle, zonename, zonepath, buf, len) -> 0 or -1 */
extern int brand_get_install(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_postinstall(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_uninstall(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_preuninstall(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_attach(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_postattach(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_detach(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_predetach(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_boot(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_halt(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_shutdown(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_sysboot(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_verify_adm(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_prestatechange(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_poststatechange(brand_handle_t, const char*, const char*, char*, size_t);
extern int brand_get_query(brand_handle_t, const char*, const char*, char*, size_t);

enum { ZONE_SUBPROC_OK = 0, ZONE_SUBPROC_USAGE = 253, ZONE_SUBPROC_NOTCOMPLETE = 254, ZONE_SUBPROC_FATAL = 255 };

}  // extern "C"
