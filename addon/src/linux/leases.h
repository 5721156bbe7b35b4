// What DHCP servers have leased to a vnic of a running zone, and all that follows from it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "linux/dhcp_replies.h"
#include "linux/network_namespace.h"

namespace smartadm {

// As the arguments of zone-lease (zone_lease.cc) have it.
struct LeasingVnic {
  pid_t init = 0;
  std::string physical;
  std::string link;
  dhcp::Mac mac{};
  std::string files;
  std::string table;
  std::string lock;
  std::string route;
  std::string routes;
};

// Milliseconds on a clock that goes on while the machine sleeps, as leases do.
int64_t NowMs();

// Sets address and routes in the zone, keeps FILES.lease, and has the guard let through what is leased.
class Leases {
 public:
  // `net` is the zone's network namespace.
  Leases(const LeasingVnic& vnic, int net);

  // Takes the place of a client of an earlier run of the zone. Returns the latest address that this had, or nothing.
  std::string Inherit();
  void Take(const dhcp::Reply& reply);
  // Ends those whose time is over.
  void Expire();
  // When the next one's is.
  int64_t NextEndMs() const;

 private:
  struct Lease {
    dhcp::Reply reply;
    int64_t ends_ms = 0;
  };

  std::string Text() const;
  UniqueFd LockGuard() const;
  std::vector<std::string> Publish() const;
  void Guard(const std::vector<std::string>& old) const;
  void Apply(const std::vector<Lease>& before);
  void Route(const std::string& router);

  const LeasingVnic& vnic_;
  const netlink::Namespace net_;
  // The latest first.
  std::vector<Lease> leases_;
  // The router of the default route that we made.
  std::string route_;
};

}  // namespace smartadm
