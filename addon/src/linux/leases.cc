#include "linux/leases.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <utility>

#include "core/native_error.h"
#include "linux/addresses.h"
#include "linux/child_program.h"
#include "linux/routes.h"
#include "linux/zone_routes.h"

namespace smartadm {
namespace {

// A guest with a client of its own gets a second lease where that calls itself something else.
constexpr size_t kLeasesKept = 4;

std::string AddressOf(const std::string& cidr) { return cidr.substr(0, cidr.find('/')); }

// The guest may have renamed or removed anything in its namespace: its own affair.
template <typename Work>
void Try(const Work& work) {
  try {
    work();
  } catch (const NativeError&) {
  }
}

}  // namespace

int64_t NowMs() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

Leases::Leases(const LeasingVnic& vnic, int net) : vnic_(vnic), net_{netlink::Namespace::Kind::kFd, net} {}

std::string Leases::Inherit() {
  const UniqueFd lock = LockGuard();
  const std::vector<std::string> old = Publish();
  return old.empty() ? "" : old.front();
}

void Leases::Take(const dhcp::Reply& reply) {
  const std::vector<Lease> before = std::exchange(leases_, {});
  if (reply.granted) {
    const bool endless = reply.seconds == dhcp::kForEver;
    leases_.push_back({reply, endless ? INT64_MAX : NowMs() + static_cast<int64_t>(reply.seconds) * 1000});
    for (const Lease& lease : before) {
      const bool same = AddressOf(lease.reply.cidr) == AddressOf(reply.cidr);
      if (leases_.size() < kLeasesKept && !same) leases_.push_back(lease);
    }
  }
  Apply(before);
}

void Leases::Expire() {
  const std::vector<Lease> before = leases_;
  const int64_t now = NowMs();
  std::erase_if(leases_, [now](const Lease& lease) { return lease.ends_ms <= now; });
  if (leases_.size() != before.size()) Apply(before);
}

int64_t Leases::NextEndMs() const {
  int64_t next = INT64_MAX;
  for (const Lease& lease : leases_) next = std::min(next, lease.ends_ms);
  return next;
}

std::string Leases::Text() const {
  std::string text;
  for (const Lease& lease : leases_) {
    std::string servers;
    for (const std::string& each : lease.reply.name_servers) servers += (servers.empty() ? "" : ",") + each;
    const std::string& router = lease.reply.router;
    text += lease.reply.cidr + " " + (router.empty() ? "-" : router) + " " + (servers.empty() ? "-" : servers) + "\n";
  }
  return text;
}

// Held while anything changes: who has it knows that file, guard and zone agree.
UniqueFd Leases::LockGuard() const {
  UniqueFd file(::open(vnic_.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  while (file && ::fcntl(file.get(), F_OFD_SETLKW, &whole) != 0 && errno == EINTR) continue;
  return file;
}

// Brings the file and then the guard in line. Returns the addresses that the file had.
std::vector<std::string> Leases::Publish() const {
  const std::string file = vnic_.files + ".lease";
  std::vector<std::string> old;
  std::string text;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    old.push_back(AddressOf(line.substr(0, line.find(' '))));
    text += line + "\n";
  }
  const std::string wanted = Text();
  if (text == wanted) return old;
  // Files that begin so are removed with the vnic's.
  const size_t slash = vnic_.files.rfind('/') + 1;
  const std::string fresh = vnic_.files.substr(0, slash) + "." + vnic_.files.substr(slash) + ".lease";
  std::ofstream(fresh, std::ios::trunc) << wanted;
  std::rename(fresh.c_str(), file.c_str());
  Guard(old);
  return old;
}

// The guard may lack what is taken out, so that is added first. One transaction; a table that has gone is made anew,
// from the files, by who next changes a guard.
void Leases::Guard(const std::vector<std::string>& old) const {
  std::string commands;
  const auto change = [&](const char* verb, const std::string& address) {
    commands += verb + (" element bridge " + vnic_.table) + " v4 { \"" + vnic_.link + "\" . " + address + " }; ";
  };
  for (const std::string& address : old) change("add", address);
  for (const std::string& address : old) change("delete", address);
  for (const Lease& lease : leases_) change("add", AddressOf(lease.reply.cidr));
  const std::string nft = FindProgram("nft");
  if (nft.empty() || commands.empty()) return;
  const pid_t pid = StartProgram(nft, {"nft", commands});
  if (pid > 0) WaitForProgram(pid);
}

// The guard opens before the zone has the address, and the zone loses one before the guard closes.
void Leases::Apply(const std::vector<Lease>& before) {
  const UniqueFd lock = LockGuard();
  for (const Lease& lease : before) {
    const bool kept = std::any_of(leases_.begin(), leases_.end(),
                                  [&](const Lease& each) { return each.reply.cidr == lease.reply.cidr; });
    if (!kept) Try([&] { netlink::DeleteAddress(net_, vnic_.physical, lease.reply.cidr); });
  }
  Publish();
  for (const Lease& lease : leases_) Try([&] { netlink::AddAddress(net_, vnic_.physical, lease.reply.cidr); });
  if (vnic_.route != "none" && vnic_.route != "watch") {
    Route(leases_.empty() ? "" : vnic_.route == "lease" ? leases_.front().reply.router : vnic_.route);
  }
  if (!leases_.empty()) AddZoneRoutes(vnic_.routes, net_);
}

void Leases::Route(const std::string& router) {
  if (!route_.empty() && route_ != router) {
    Try([&] { netlink::DeleteRoute(net_, "default", route_, vnic_.physical); });
    route_.clear();
  }
  if (router.empty()) return;
  const auto add = [&] { netlink::AddRoute(net_, "default", router, vnic_.physical); };
  Try([&] {
    for (const netlink::Route& each : netlink::ListRoutes(net_)) {
      if (each.family == "inet" && each.destination == "default") return;
    }
    route_ = router;
    try {
      add();
    } catch (const NativeError& error) {
      if (error.code() != "ENETUNREACH") throw;
      // A router outside the network of the address, as large providers have them.
      netlink::AddRoute(net_, router + "/32", "", vnic_.physical);
      add();
    }
  });
}

}  // namespace smartadm
