// Simulated network interfaces.
#pragma once

#include <libdladm.h>

extern "C" {

extern dladm_status_t dladm_simnet_create(dladm_handle_t, const char*, uint_t, uint32_t);
extern dladm_status_t dladm_simnet_delete(dladm_handle_t, datalink_id_t, uint32_t);
extern dladm_status_t dladm_simnet_modify(dladm_handle_t, datalink_id_t, datalink_id_t, uint32_t);
extern dladm_status_t dladm_simnet_info(dladm_handle_t, datalink_id_t, dladm_simnet_attr_t*, uint32_t);

}  // extern "C"
