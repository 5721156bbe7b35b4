#include "linux/addresses.h"

#include <linux/if_addr.h>

#include "linux/route_socket.h"

namespace smartadm::netlink {
namespace {

void ChangeAddress(const Namespace& in, const char* operation, uint16_t type, uint16_t flags, const std::string& link,
                   const std::string& cidr) {
  const ParsedAddress parsed = ParseAddress(operation, cidr, true);
  Connection connection(in);
  Request request(type, flags);
  auto* message = request.Extra<ifaddrmsg>();
  message->ifa_family = parsed.family;
  message->ifa_prefixlen = parsed.prefix;
  message->ifa_index = IndexOf(connection, operation, link);
  request.Bytes(IFA_LOCAL, parsed.bytes.data(), parsed.size);
  request.Bytes(IFA_ADDRESS, parsed.bytes.data(), parsed.size);
  if (type == RTM_NEWADDR && parsed.family == AF_INET && parsed.prefix < 31) {
    auto broadcast = parsed.bytes;
    for (size_t bit = parsed.prefix; bit < 32; ++bit) {
      broadcast[bit / 8] = static_cast<uint8_t>(broadcast[bit / 8] | (0x80U >> (bit % 8)));
    }
    request.Bytes(IFA_BROADCAST, broadcast.data(), parsed.size);
  }
  connection.Do(operation, request.header, link + " " + cidr);
}

}  // namespace

std::vector<Address> ListAddresses(const Namespace& in, const std::string& link) {
  constexpr const char* kOperation = "list addresses";
  Connection connection(in);
  const uint32_t only = link.empty() ? 0 : IndexOf(connection, kOperation, link);
  const auto names = LinkNames(connection, kOperation);
  std::vector<Address> addresses;
  Dump(
      connection, kOperation, RTM_GETADDR, [&](Request& request) { request.Extra<ifaddrmsg>()->ifa_index = only; },
      [&](const nlmsghdr* header) {
        const auto* message = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(header));
        // Kernels without strict checking send all.
        if (only != 0 && message->ifa_index != only) return;
        const size_t size = message->ifa_family == AF_INET ? 4 : message->ifa_family == AF_INET6 ? 16 : 0;
        if (size == 0) return;
        const void* bytes = nullptr;
        EachAttribute(header, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
          const uint16_t type = mnl_attr_get_type(attribute);
          if (mnl_attr_get_payload_len(attribute) != size) return;
          // On point-to-point links IFA_ADDRESS is the other end's.
          if (type == IFA_LOCAL || (type == IFA_ADDRESS && bytes == nullptr)) bytes = mnl_attr_get_payload(attribute);
        });
        const auto name = names.find(message->ifa_index);
        if (bytes == nullptr || name == names.end()) return;
        addresses.push_back({name->second,
                             FormatAddress(message->ifa_family, bytes) + "/" + std::to_string(message->ifa_prefixlen),
                             message->ifa_scope == RT_SCOPE_LINK});
      },
      [&] { addresses.clear(); });
  return addresses;
}

void AddAddress(const Namespace& in, const std::string& link, const std::string& cidr) {
  ChangeAddress(in, "add address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, cidr);
}

void DeleteAddress(const Namespace& in, const std::string& link, const std::string& cidr) {
  ChangeAddress(in, "delete address", RTM_DELADDR, 0, link, cidr);
}

}  // namespace smartadm::netlink
