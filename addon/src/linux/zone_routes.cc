#include "linux/zone_routes.h"

#include <fstream>
#include <sstream>

#include "core/native_error.h"
#include "linux/routes.h"

namespace smartadm {

void AddZoneRoutes(const std::string& file, const netlink::Namespace& in) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream fields(line);
    std::string destination;
    std::string gateway;
    std::string link;
    if (!(fields >> destination >> gateway >> link)) continue;
    try {
      netlink::AddRoute(in, destination, gateway == "-" ? "" : gateway, link == "-" ? "" : link);
    } catch (const NativeError&) {
    }
  }
}

}  // namespace smartadm
