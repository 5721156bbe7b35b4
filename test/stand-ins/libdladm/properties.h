// Link properties of the stand-in for libdladm: which there are, of what, with which values.
#pragma once

#include <string>
#include <vector>

#include "../links/table.h"

namespace standin {

// No values: back to the default.
dladm_status_t SetLinkProperty(LinkEntry* entry, const std::string& name, const std::vector<std::string>& values);
dladm_status_t GetLinkProperty(const LinkEntry& entry, const std::string& name, dladm_prop_type_t type,
                               std::vector<std::string>* values);

}  // namespace standin
