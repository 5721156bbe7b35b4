// Answers of DHCP servers on their way to a vnic, seen at its end on the host.
//
// A guest rules over its network namespace, and can make a client in there believe anything. What the host lets through
// rests on what came over the bridge instead: on frames that the kernel sends out of the host's end of the vnic, which
// no guest can bring about on its own vnic, nor on others' (guard.ts: no guest sends from a server's port).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm::dhcp {

using Mac = std::array<uint8_t, 6>;

struct Reply {
  // False: the server takes back what it gave before (DHCPNAK); nothing else is set then.
  bool granted = false;
  // Address and prefix length, e.g. `10.0.0.5/24`.
  std::string cidr;
  // Empty where the server names no router.
  std::string router;
  std::vector<std::string> name_servers;
  // The largest value stands for ever.
  uint32_t seconds = 0;
};

constexpr uint32_t kForEver = 0xffffffff;

// A socket that gets the frames with DHCP answers that leave by `link`, and no others. Throws NativeError.
UniqueFd WatchReplies(const std::string& link);

// The lease granted or refused to `mac` by a frame of that socket, if it is an answer of this kind and whole (RFC 2131,
// RFC 2132).
std::optional<Reply> ReadReply(const uint8_t* frame, size_t size, const Mac& mac);

}  // namespace smartadm::dhcp
