// A conversation with the kernel over rtnetlink, by libmnl: what links, addresses and routes have in common.
// Not called rtnetlink.h, since that would hide the kernel header of this name.
#pragma once

#include <net/if.h>
#include <sys/socket.h>
// After the C library's socket headers, which it builds on.
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"
#include "linux/network_namespace.h"

namespace smartadm::netlink {

// Large enough for a dump's frames (the kernel fills up to 32 KiB) and for any request below.
constexpr size_t kBufferSize = 32768;

using SocketHandle = Owned<mnl_socket, mnl_socket_close>;

[[noreturn]] void Fail(const char* operation, int error, const std::string& detail);

UniqueFd OpenNamespace(const Namespace& where);

// libmnl's own loops do not compile as C++.
template <typename Each>
void EachAttributeIn(const void* begin, const char* end, const Each& each) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    each(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

template <typename Each>
void EachAttribute(const nlmsghdr* header, size_t offset, const Each& each) {
  EachAttributeIn(mnl_nlmsg_get_payload_offset(header, offset),
                  static_cast<const char*>(mnl_nlmsg_get_payload_tail(header)), each);
}

std::string TextOf(const nlattr* attribute);

class Connection {
 public:
  explicit Connection(const Namespace& where);

  // Sends one request and waits for its acknowledgement.
  void Do(const char* operation, nlmsghdr* request, const std::string& subject);

  // Sends a request that is answered by messages; `each` sees every one.
  void Ask(const char* operation, nlmsghdr* request, const std::string& subject,
           const std::function<void(const nlmsghdr*)>& each);

 private:
  void Exchange(const char* operation, nlmsghdr* request, const std::string& subject,
                const std::function<void(const nlmsghdr*)>& each);

  SocketHandle socket_;
  uint32_t sequence_ = 0;
  alignas(nlmsghdr) std::array<char, kBufferSize> buffer_{};
};

// Memory for one request.
struct Request {
  alignas(nlmsghdr) std::array<char, 4096> memory{};
  nlmsghdr* header = nullptr;

  Request(uint16_t type, uint16_t flags) : header(mnl_nlmsg_put_header(memory.data())) {
    header->nlmsg_type = type;
    header->nlmsg_flags = flags;
  }
  template <typename T>
  T* Extra() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header, sizeof(T)));
  }
  void Text(uint16_t type, const std::string& value) { mnl_attr_put_strz(header, type, value.c_str()); }
  void Number(uint16_t type, uint32_t value) { mnl_attr_put_u32(header, type, value); }
  void Bytes(uint16_t type, const void* data, size_t size) { mnl_attr_put(header, type, size, data); }
};

// Dumps until one was not disturbed by a change, within reason. `begin` makes a fresh request, `each` sees the
// messages.
template <typename Begin, typename Each>
void Dump(Connection& connection, const char* operation, uint16_t type, const Begin& begin, const Each& each,
          const std::function<void()>& restart) {
  constexpr int kAttempts = 50;
  for (int attempt = 1;; ++attempt) {
    Request request(type, NLM_F_DUMP);
    begin(request);
    try {
      connection.Ask(operation, request.header, "", each);
      return;
    } catch (const NativeError& error) {
      if (error.error_number() != EINTR || attempt == kAttempts) throw;
    }
    restart();
  }
}

// Throws EINVAL unless `name` can be that of a link.
void CheckName(const char* operation, const std::string& name);

// Throws ENODEV when there is no such link.
uint32_t IndexOf(Connection& connection, const char* operation, const std::string& name);

std::unordered_map<uint32_t, std::string> LinkNames(Connection& connection, const char* operation);

struct ParsedAddress {
  uint8_t family = AF_UNSPEC;
  uint8_t prefix = 0;
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;
};

// `with_prefix` demands `ADDRESS/LENGTH`; without it a bare address is meant.
ParsedAddress ParseAddress(const char* operation, const std::string& text, bool with_prefix);

std::string FormatAddress(uint8_t family, const void* bytes);

}  // namespace smartadm::netlink
