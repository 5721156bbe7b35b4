// Addresses of the links of one network namespace, over rtnetlink. Plain C++: knows nothing of Node.
#pragma once

#include <string>
#include <vector>

#include "linux/network_namespace.h"

namespace smartadm::netlink {

struct Address {
  std::string link;
  // Address and prefix length, e.g. `10.0.0.1/24`.
  std::string cidr;
  bool link_local = false;
};

// All of these throw NativeError with the name of the errno as code, as links.h.
// Of one link, or of all when `link` is empty.
std::vector<Address> ListAddresses(const Namespace& in, const std::string& link);
void AddAddress(const Namespace& in, const std::string& link, const std::string& cidr);
void DeleteAddress(const Namespace& in, const std::string& link, const std::string& cidr);

}  // namespace smartadm::netlink
