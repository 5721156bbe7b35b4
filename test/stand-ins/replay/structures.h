// The structures of libzonecfg from and to what records say of them.
#pragma once

#include <libzonecfg.h>

#include <string>

#include "json.h"

namespace replay {

// Thrown when a text does not fit into its field: no call is made then.
struct TooLong {
  std::string field;
  size_t size;
};

void Read(const Json& value, struct zone_fstab* tab);
void Read(const Json& value, struct zone_nwiftab* tab);
void Read(const Json& value, struct zone_devtab* tab);
void Read(const Json& value, struct zone_attrtab* tab);
void Read(const Json& value, struct zone_rctltab* tab);
void Read(const Json& value, struct zone_dstab* tab);
void Read(const Json& value, struct zone_psettab* tab);
void Read(const Json& value, struct zone_admintab* tab);
void Read(const Json& value, struct zone_secflagstab* tab);
struct zone_rctlvaltab* ReadRctlValue(const Json& value);
struct zone_res_attrtab* ReadProperty(const Json& value);
struct zone_res_attrtab* ReadProperties(const Json& list);

std::string Show(const struct zone_fstab& tab);
std::string Show(const struct zone_nwiftab& tab);
std::string Show(const struct zone_devtab& tab);
std::string Show(const struct zone_attrtab& tab);
std::string Show(const struct zone_rctltab& tab);
std::string Show(const struct zone_dstab& tab);
std::string Show(const struct zone_psettab& tab);
std::string Show(const struct zone_admintab& tab);
std::string Show(const struct zone_secflagstab& tab);
std::string ShowProperties(const struct zone_res_attrtab* list);

}  // namespace replay
