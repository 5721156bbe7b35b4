// The functions of libdladm, found by name at run time, and its errors.
#pragma once

#include <libdladm.h>
#include <libdlaggr.h>
#include <libdllink.h>
#include <libdlsim.h>
#include <libdlvnic.h>
#include <zone.h>

#include <mutex>
#include <string>

#include "illumos/imported.h"

// clang-format off
#define SMARTADM_DLADM_FUNCTIONS(F)                                                                                   \
  F(dladm_open) F(dladm_close) F(dladm_status2str) F(dladm_valid_linkname) F(dladm_name2info) F(dladm_zname2info)     \
  F(dladm_datalink_id2info) F(dladm_walk_datalink_id) F(dladm_rename_link) F(dladm_vnic_create) F(dladm_vnic_delete)  \
  F(dladm_vnic_info) F(dladm_set_linkprop) F(dladm_get_linkprop) F(dladm_errlist_init) F(dladm_errlist_reset)         \
  F(dladm_aggr_info) F(dladm_simnet_create) F(dladm_simnet_delete) F(dladm_simnet_modify) F(getzoneidbyname)
// clang-format on

namespace smartadm::dladm {

struct Library : SystemLibrary {
  Library() : SystemLibrary("dladm", "libdladm.so.1") {}

  SMARTADM_DLADM_FUNCTIONS(SMARTADM_IMPORT)
};

inline const Library& Lib() { return Opened<Library>(); }

// `DLADM_STATUS_LINKBUSY` for 24.
const char* StatusName(dladm_status_t status);

// Throws NativeError unless `status` is DLADM_STATUS_OK; `more` follows the library's own words.
void Check(dladm_status_t status, const char* operation, const std::string& subject, const std::string& more = {});

// A connection to the library while its lock is held: it is not made for several threads.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  operator dladm_handle_t() const { return handle_; }

 private:
  std::lock_guard<std::mutex> lock_;
  dladm_handle_t handle_ = nullptr;
};

}  // namespace smartadm::dladm
