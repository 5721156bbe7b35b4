// Virtual NICs and etherstubs.
#pragma once

#include <libdladm.h>
#include <libdllink.h>

extern "C" {

extern dladm_status_t dladm_vnic_create(dladm_handle_t, const char*, datalink_id_t, vnic_mac_addr_type_t, uchar_t*,
                                        uint_t, int*, uint_t, uint16_t, vrid_t, int, datalink_id_t*, dladm_arg_list_t*,
                                        dladm_errlist_t*, uint32_t);
extern dladm_status_t dladm_vnic_delete(dladm_handle_t, datalink_id_t, uint32_t);
extern dladm_status_t dladm_vnic_info(dladm_handle_t, datalink_id_t, dladm_vnic_attr_t*, uint32_t);
extern dladm_status_t dladm_vnic_str2macaddrtype(const char*, vnic_mac_addr_type_t*);

}  // extern "C"
