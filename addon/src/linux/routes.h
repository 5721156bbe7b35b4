// Routes of one network namespace, over rtnetlink. Plain C++: knows nothing of Node.
#pragma once

#include <string>
#include <vector>

#include "linux/network_namespace.h"

namespace smartadm::netlink {

struct Route {
  // `default`, or a network in CIDR form.
  std::string destination;
  std::string family;
  // Empty where the network is directly on the link.
  std::string gateway;
  std::string link;
};

// All of these throw NativeError with the name of the errno as code, as links.h: EEXIST, ENETUNREACH, ESRCH, ….
// Those of the main table.
std::vector<Route> ListRoutes(const Namespace& in);
// `gateway` or `link` may be empty, not both.
void AddRoute(const Namespace& in, const std::string& destination, const std::string& gateway, const std::string& link);
void DeleteRoute(const Namespace& in, const std::string& destination, const std::string& gateway,
                 const std::string& link);

}  // namespace smartadm::netlink
