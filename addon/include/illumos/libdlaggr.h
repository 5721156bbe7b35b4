// Link aggregations.
#pragma once

#include <libdladm.h>

extern "C" {

extern dladm_status_t dladm_aggr_create(dladm_handle_t, const char*, uint16_t, uint32_t, dladm_aggr_port_attr_db_t*,
                                        uint32_t, boolean_t, const uchar_t*, aggr_lacp_mode_t, aggr_lacp_timer_t,
                                        uint32_t);
extern dladm_status_t dladm_aggr_delete(dladm_handle_t, datalink_id_t, uint32_t);
extern dladm_status_t dladm_aggr_add(dladm_handle_t, datalink_id_t, uint32_t, dladm_aggr_port_attr_db_t*, uint32_t);
extern dladm_status_t dladm_aggr_remove(dladm_handle_t, datalink_id_t, uint32_t, dladm_aggr_port_attr_db_t*, uint32_t);
extern dladm_status_t dladm_aggr_modify(dladm_handle_t, datalink_id_t, uint32_t, uint32_t, boolean_t, const uchar_t*,
                                        aggr_lacp_mode_t, aggr_lacp_timer_t, uint32_t);
extern dladm_status_t dladm_aggr_info(dladm_handle_t, datalink_id_t, dladm_aggr_grp_attr_t*, uint32_t);

}  // extern "C"
