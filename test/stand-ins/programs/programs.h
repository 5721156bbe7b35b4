// What the programs share.
#pragma once

#include <string>
#include <vector>

namespace standin {

// zoneadm(8), as far as it runs hooks of brands. Returns the exit status.
int Zoneadm(const std::string& zone, const std::string& command, const std::vector<std::string>& options);

}  // namespace standin
