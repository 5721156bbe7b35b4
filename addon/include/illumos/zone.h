// Zone calls (libc).
#pragma once

#include <sys/zone.h>

extern "C" {

extern zoneid_t getzoneid(void);
extern zoneid_t getzoneidbyname(const char*);
extern ssize_t getzonenamebyid(zoneid_t, char*, size_t);
extern int zone_get_id(const char*, zoneid_t*);
extern ssize_t zone_getattr(zoneid_t, int, void*, size_t);
extern int zone_setattr(zoneid_t, int, void*, size_t);
extern int zone_list(zoneid_t*, uint_t*);
extern int zone_enter(zoneid_t);
extern int zone_boot(zoneid_t);
extern int zone_shutdown(zoneid_t);
extern int zone_destroy(zoneid_t);
extern int zone_version(int*);
extern int zone_add_datalink(zoneid_t, datalink_id_t);
extern int zone_remove_datalink(zoneid_t, datalink_id_t);
extern int zone_check_datalink(zoneid_t*, datalink_id_t);
extern int zone_list_datalink(zoneid_t, int*, datalink_id_t*);
extern const char* zone_get_nroot(void); /* SmartOS only */

}  // extern "C"
