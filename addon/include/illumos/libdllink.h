// Datalinks: names, ids and properties.
#pragma once

#include <libdladm.h>

extern "C" {

extern dladm_status_t dladm_name2info(dladm_handle_t, const char*, datalink_id_t*, uint32_t*, datalink_class_t*,
                                      uint32_t*);
extern dladm_status_t dladm_zname2info(dladm_handle_t, const char*, const char*, datalink_id_t*, uint32_t*,
                                       datalink_class_t*, uint32_t*);
extern dladm_status_t dladm_datalink_id2info(dladm_handle_t, datalink_id_t, uint32_t*, datalink_class_t*, uint32_t*,
                                             char*, size_t);
extern dladm_status_t dladm_walk_datalink_id(int (*)(dladm_handle_t, datalink_id_t, void*), dladm_handle_t, void*,
                                             datalink_class_t, datalink_media_t, uint32_t);
extern dladm_status_t dladm_walk(dladm_walkcb_t*, dladm_handle_t, void*, datalink_class_t, datalink_media_t, uint32_t);
extern dladm_status_t dladm_rename_link(dladm_handle_t, const char*, const char*, const char*);
extern dladm_status_t dladm_info(dladm_handle_t, datalink_id_t, dladm_attr_t*);
extern dladm_status_t dladm_phys_info(dladm_handle_t, datalink_id_t, dladm_phys_attr_t*, uint32_t);
extern dladm_status_t dladm_dev2linkid(dladm_handle_t, const char*, datalink_id_t*);

/* link properties */
extern dladm_status_t dladm_set_linkprop(dladm_handle_t, datalink_id_t, const char*, char**, uint_t, uint_t);
extern dladm_status_t dladm_get_linkprop(dladm_handle_t, datalink_id_t, dladm_prop_type_t, const char*, char**,
                                         uint_t*);
extern dladm_status_t dladm_walk_linkprop(dladm_handle_t, datalink_id_t, void*,
                                          int (*)(dladm_handle_t, datalink_id_t, const char*, void*));
extern dladm_status_t dladm_linkprop_is_set(dladm_handle_t, datalink_id_t, dladm_prop_type_t, const char*, boolean_t*);
extern dladm_status_t dladm_parse_link_props(char*, dladm_arg_list_t**, boolean_t);
extern void dladm_free_props(dladm_arg_list_t*);
extern void dladm_errlist_init(dladm_errlist_t*);
extern void dladm_errlist_reset(dladm_errlist_t*);

/* used by zoneadmd around boot and halt of an exclusive-IP zone */
extern dladm_status_t dladm_zone_boot(dladm_handle_t, zoneid_t);
extern dladm_status_t dladm_zone_halt(dladm_handle_t, zoneid_t);

}  // extern "C"
