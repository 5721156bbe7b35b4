// Where something is to happen to the network.
#pragma once

namespace smartadm::netlink {

// The network namespace an operation happens in: the caller's, that of a process, or an open one.
struct Namespace {
  enum class Kind { kOwn, kPid, kFd };
  Kind kind = Kind::kOwn;
  int id = 0;
};

}  // namespace smartadm::netlink
