#include "linux/links.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
// After the C library's socket headers, which it builds on.
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"

namespace smartadm::netlink {
namespace {

// Large enough for a dump's frames (the kernel fills up to 32 KiB) and for any request below.
constexpr size_t kBufferSize = 32768;

using SocketHandle = Owned<mnl_socket, mnl_socket_close>;

[[noreturn]] void Fail(const char* operation, int error, const std::string& detail) {
  throw NativeError("rtnetlink", operation, error, detail);
}

UniqueFd OpenNamespace(const Namespace& where) {
  if (where.kind == Namespace::Kind::kFd) {
    UniqueFd copy(fcntl(where.id, F_DUPFD_CLOEXEC, 0));
    if (!copy) Fail("open network namespace", errno, "descriptor " + std::to_string(where.id));
    return copy;
  }
  const std::string path = "/proc/" + std::to_string(where.id) + "/ns/net";
  UniqueFd opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) Fail("open network namespace", errno, path);
  return opened;
}

SocketHandle OpenSocketHere() {
  SocketHandle socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!socket) Fail("open socket", errno, "");
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) Fail("bind socket", errno, "");
  int on = 1;
  // Better messages and filtered dumps; kernels without them answer without.
  (void)mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof on);
  (void)mnl_socket_setsockopt(socket.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return socket;
}

// A socket stays in the namespace it was opened in, so only the opening needs a thread that has moved there.
SocketHandle OpenSocket(const Namespace& where) {
  if (where.kind == Namespace::Kind::kOwn) return OpenSocketHere();
  const UniqueFd target = OpenNamespace(where);
  SocketHandle socket;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (setns(target.get(), CLONE_NEWNET) != 0) Fail("enter network namespace", errno, "");
      socket = OpenSocketHere();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return socket;
}

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

std::string TextOf(const nlattr* attribute) {
  const auto* begin = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return {begin, strnlen(begin, mnl_attr_get_payload_len(attribute))};
}

std::string ExtendedMessage(const nlmsghdr* header) {
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
  size_t skip = sizeof *error;
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) skip += error->msg.nlmsg_len - sizeof error->msg;
  if (skip >= mnl_nlmsg_get_payload_len(header)) return "";
  std::string text;
  EachAttribute(header, skip, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) text = TextOf(attribute);
  });
  return text;
}

class Connection {
 public:
  explicit Connection(const Namespace& where) : socket_(OpenSocket(where)) {}

  // Sends one request and waits for its acknowledgement.
  void Do(const char* operation, nlmsghdr* request, const std::string& subject) {
    request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    Exchange(operation, request, subject, [](const nlmsghdr*) {});
  }

  // Sends a request that is answered by messages; `each` sees every one.
  void Ask(const char* operation, nlmsghdr* request, const std::string& subject,
           const std::function<void(const nlmsghdr*)>& each) {
    request->nlmsg_flags |= NLM_F_REQUEST;
    Exchange(operation, request, subject, each);
  }

 private:
  void Exchange(const char* operation, nlmsghdr* request, const std::string& subject,
                const std::function<void(const nlmsghdr*)>& each) {
    request->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0) Fail(operation, errno, subject);
    const bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    bool interrupted = false;
    const bool acknowledged = (request->nlmsg_flags & NLM_F_ACK) != 0;
    while (true) {
      const ssize_t got = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) Fail(operation, errno, subject);
      int left = static_cast<int>(got);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left)) {
        if (header->nlmsg_seq != sequence_) continue;
        if (header->nlmsg_type == NLMSG_DONE) {
          // A table that changed under a dump may have been seen in part: nothing may rest on that.
          if (interrupted) Fail(operation, EINTR, subject);
          return;
        }
        if (header->nlmsg_type == NLMSG_ERROR) {
          const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
          if (error->error == 0) return;
          const std::string message = ExtendedMessage(header);
          Fail(operation, -error->error, message.empty() ? subject : subject + ": " + message);
        }
        interrupted = interrupted || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        each(header);
        if (!dump && !acknowledged) return;
      }
    }
  }

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

void CheckName(const char* operation, const std::string& name) {
  bool good = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != "..";
  for (const char c : name) good = good && std::isgraph(static_cast<unsigned char>(c)) != 0 && c != '/' && c != ':';
  if (!good) Fail(operation, EINVAL, "link name \"" + name + "\"");
}

std::array<uint8_t, 6> ParseMac(const char* operation, const std::string& text) {
  std::array<uint8_t, 6> mac{};
  bool good = text.size() == 17;
  for (size_t i = 0; good && i < 6; ++i) {
    const char* begin = text.data() + i * 3;
    const auto [end, error] = std::from_chars(begin, begin + 2, mac[i], 16);
    good = error == std::errc() && end == begin + 2 && (i == 5 || *end == ':');
  }
  if (!good) Fail(operation, EINVAL, "MAC address \"" + text + "\"");
  return mac;
}

std::string FormatMac(const uint8_t* bytes) {
  std::array<char, 18> text{};
  snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
           bytes[5]);
  return text.data();
}

struct ParsedAddress {
  uint8_t family = AF_UNSPEC;
  uint8_t prefix = 0;
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;
};

// `with_prefix` demands `ADDRESS/LENGTH`; without it a bare address is meant.
ParsedAddress ParseAddress(const char* operation, const std::string& text, bool with_prefix) {
  ParsedAddress parsed;
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (inet_pton(AF_INET, address.c_str(), parsed.bytes.data()) == 1) {
    parsed.family = AF_INET;
    parsed.size = 4;
  } else if (inet_pton(AF_INET6, address.c_str(), parsed.bytes.data()) == 1) {
    parsed.family = AF_INET6;
    parsed.size = 16;
  }
  bool good = parsed.family != AF_UNSPEC && (slash != std::string::npos) == with_prefix;
  parsed.prefix = static_cast<uint8_t>(parsed.size * 8);
  if (good && with_prefix) {
    const char* begin = text.data() + slash + 1;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(begin, last, parsed.prefix);
    good = error == std::errc() && end == last && parsed.prefix <= parsed.size * 8;
  }
  if (!good) Fail(operation, EINVAL, "address \"" + text + "\"");
  return parsed;
}

std::string FormatAddress(uint8_t family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

struct RawLink {
  Link link;
  uint32_t master_index = 0;
};

RawLink ReadLink(const nlmsghdr* header) {
  RawLink raw;
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header));
  raw.link.index = static_cast<uint32_t>(info->ifi_index);
  raw.link.up = (info->ifi_flags & IFF_UP) != 0;
  raw.link.loopback = (info->ifi_flags & IFF_LOOPBACK) != 0;
  EachAttribute(header, sizeof(ifinfomsg), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        raw.link.name = TextOf(attribute);
        break;
      case IFLA_IFALIAS:
        raw.link.alias = TextOf(attribute);
        break;
      case IFLA_MTU:
        if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) raw.link.mtu = mnl_attr_get_u32(attribute);
        break;
      case IFLA_MASTER:
        if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) raw.master_index = mnl_attr_get_u32(attribute);
        break;
      case IFLA_ADDRESS:
        if (mnl_attr_get_payload_len(attribute) == 6) {
          raw.link.mac = FormatMac(static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)));
        }
        break;
      case IFLA_LINKINFO: {
        const auto* begin = static_cast<const char*>(mnl_attr_get_payload(attribute));
        EachAttributeIn(begin, begin + mnl_attr_get_payload_len(attribute), [&](const nlattr* nested) {
          if (mnl_attr_get_type(nested) == IFLA_INFO_KIND) raw.link.kind = TextOf(nested);
        });
        break;
      }
      default:
        break;
    }
  });
  return raw;
}

// The kernel's answer to what is called `name`; an index of 0 when there is no such link.
RawLink AskLink(Connection& connection, const char* operation, const std::string& name) {
  CheckName(operation, name);
  Request request(RTM_GETLINK, 0);
  request.Extra<ifinfomsg>();
  request.Text(IFLA_IFNAME, name);
  RawLink found;
  try {
    connection.Ask(operation, request.header, name, [&](const nlmsghdr* header) { found = ReadLink(header); });
  } catch (const NativeError& error) {
    if (error.error_number() != ENODEV) throw;
  }
  return found;
}

uint32_t IndexOf(Connection& connection, const char* operation, const std::string& name) {
  const uint32_t index = AskLink(connection, operation, name).link.index;
  if (index == 0) Fail(operation, ENODEV, name);
  return index;
}

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

// Every link of the namespace.
std::vector<RawLink> AllLinks(Connection& connection, const char* operation) {
  std::vector<RawLink> links;
  Dump(
      connection, operation, RTM_GETLINK, [](Request& request) { request.Extra<ifinfomsg>(); },
      [&](const nlmsghdr* header) { links.push_back(ReadLink(header)); }, [&] { links.clear(); });
  return links;
}

std::unordered_map<uint32_t, std::string> LinkNames(Connection& connection, const char* operation) {
  std::unordered_map<uint32_t, std::string> names;
  for (const RawLink& raw : AllLinks(connection, operation)) names.emplace(raw.link.index, raw.link.name);
  return names;
}

void PutOptions(Request& request, const char* operation, const LinkOptions& options) {
  if (options.mtu) request.Number(IFLA_MTU, *options.mtu);
  if (options.mac) {
    const auto mac = ParseMac(operation, *options.mac);
    request.Bytes(IFLA_ADDRESS, mac.data(), mac.size());
  }
}

void PutNamespace(Request& request, const UniqueFd& target) {
  request.Number(IFLA_NET_NS_FD, static_cast<uint32_t>(target.get()));
}

// A new link of `kind`; `fill` adds what the kind needs (IFLA_INFO_DATA).
template <typename Fill>
void Create(Connection& connection, const char* operation, const std::string& name, const char* kind,
            const LinkOptions& options, const Fill& fill) {
  CheckName(operation, name);
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.Extra<ifinfomsg>();
  request.Text(IFLA_IFNAME, name);
  PutOptions(request, operation, options);
  nlattr* info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
  request.Text(IFLA_INFO_KIND, kind);
  fill(request);
  mnl_attr_nest_end(request.header, info);
  connection.Do(operation, request.header, name);
}

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

void ChangeRoute(const Namespace& in, const char* operation, uint16_t type, uint16_t flags,
                 const std::string& destination, const std::string& gateway, const std::string& link) {
  if (gateway.empty() && link.empty()) Fail(operation, EINVAL, "a route needs a gateway or a link");
  std::optional<ParsedAddress> to;
  if (destination != "default") to = ParseAddress(operation, destination, true);
  std::optional<ParsedAddress> via;
  if (!gateway.empty()) via = ParseAddress(operation, gateway, false);
  if (to && via && to->family != via->family) Fail(operation, EINVAL, destination + " by " + gateway);
  Connection connection(in);
  Request request(type, flags);
  auto* message = request.Extra<rtmsg>();
  message->rtm_family = to ? to->family : via ? via->family : static_cast<uint8_t>(AF_INET);
  message->rtm_table = RT_TABLE_MAIN;
  message->rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : RTPROT_UNSPEC;
  message->rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  message->rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : RTN_UNSPEC;
  if (to) {
    message->rtm_dst_len = to->prefix;
    request.Bytes(RTA_DST, to->bytes.data(), to->size);
  }
  if (via) request.Bytes(RTA_GATEWAY, via->bytes.data(), via->size);
  if (!link.empty()) request.Number(RTA_OIF, IndexOf(connection, operation, link));
  connection.Do(operation, request.header, destination);
}

}  // namespace

std::vector<Link> ListLinks(const Namespace& in) {
  Connection connection(in);
  std::vector<RawLink> raw = AllLinks(connection, "list links");
  std::unordered_map<uint32_t, std::string> names;
  for (const RawLink& each : raw) names.emplace(each.link.index, each.link.name);
  std::vector<Link> links;
  links.reserve(raw.size());
  for (RawLink& each : raw) {
    const auto master = names.find(each.master_index);
    if (master != names.end()) each.link.master = master->second;
    links.push_back(std::move(each.link));
  }
  return links;
}

std::optional<Link> FindLink(const Namespace& in, const std::string& name) {
  Connection connection(in);
  RawLink found = AskLink(connection, "find link", name);
  if (found.link.index == 0) return std::nullopt;
  if (found.master_index != 0) {
    Request request(RTM_GETLINK, 0);
    request.Extra<ifinfomsg>()->ifi_index = static_cast<int>(found.master_index);
    connection.Ask("find link", request.header, name,
                   [&](const nlmsghdr* header) { found.link.master = ReadLink(header).link.name; });
  }
  return found.link;
}

void CreateBridge(const Namespace& in, const std::string& name, const LinkOptions& options) {
  Connection connection(in);
  Create(connection, "create bridge", name, "bridge", options, [](Request&) {});
}

void CreateVeth(const Namespace& in, const std::string& name, const LinkOptions& options, const Peer& peer) {
  constexpr const char* kOperation = "create veth";
  CheckName(kOperation, peer.name);
  UniqueFd where;
  if (peer.where.kind != Namespace::Kind::kOwn) where = OpenNamespace(peer.where);
  Connection connection(in);
  Create(connection, kOperation, name, "veth", options, [&](Request& request) {
    nlattr* data = mnl_attr_nest_start(request.header, IFLA_INFO_DATA);
    nlattr* other = mnl_attr_nest_start(request.header, VETH_INFO_PEER);
    request.Extra<ifinfomsg>();
    request.Text(IFLA_IFNAME, peer.name);
    PutOptions(request, kOperation, LinkOptions{options.mtu, peer.mac});
    if (where) PutNamespace(request, where);
    mnl_attr_nest_end(request.header, other);
    mnl_attr_nest_end(request.header, data);
  });
}

void CreateVlan(const Namespace& in, const std::string& name, const std::string& parent, uint16_t id) {
  constexpr const char* kOperation = "create vlan";
  CheckName(kOperation, name);
  if (id < 1 || id > 4094) Fail(kOperation, EINVAL, "VLAN id " + std::to_string(id));
  Connection connection(in);
  const uint32_t below = IndexOf(connection, kOperation, parent);
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.Extra<ifinfomsg>();
  request.Text(IFLA_IFNAME, name);
  request.Number(IFLA_LINK, below);
  nlattr* info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
  request.Text(IFLA_INFO_KIND, "vlan");
  nlattr* data = mnl_attr_nest_start(request.header, IFLA_INFO_DATA);
  mnl_attr_put_u16(request.header, IFLA_VLAN_ID, id);
  mnl_attr_nest_end(request.header, data);
  mnl_attr_nest_end(request.header, info);
  connection.Do(kOperation, request.header, name);
}

void DeleteLink(const Namespace& in, const std::string& name) {
  Connection connection(in);
  Request request(RTM_DELLINK, 0);
  request.Extra<ifinfomsg>()->ifi_index = static_cast<int>(IndexOf(connection, "delete link", name));
  connection.Do("delete link", request.header, name);
}

void ChangeLink(const Namespace& in, const std::string& name, const LinkChange& change) {
  constexpr const char* kOperation = "change link";
  Connection connection(in);
  const int index = static_cast<int>(IndexOf(connection, kOperation, name));
  Request request(RTM_NEWLINK, 0);
  auto* message = request.Extra<ifinfomsg>();
  message->ifi_index = index;
  if (change.up) {
    message->ifi_change = IFF_UP;
    message->ifi_flags = *change.up ? IFF_UP : 0;
  }
  PutOptions(request, kOperation, LinkOptions{change.mtu, change.mac});
  if (change.master) {
    request.Number(IFLA_MASTER, change.master->empty() ? 0 : IndexOf(connection, kOperation, *change.master));
  }
  if (change.name) {
    CheckName(kOperation, *change.name);
    request.Text(IFLA_IFNAME, *change.name);
  }
  if (change.alias) {
    // The kernel keeps 255 bytes.
    if (change.alias->size() > 255) Fail(kOperation, EINVAL, "alias longer than 255 bytes");
    request.Bytes(IFLA_IFALIAS, change.alias->data(), change.alias->size());
  }
  UniqueFd target;
  if (change.where) {
    target = OpenNamespace(*change.where);
    PutNamespace(request, target);
  }
  connection.Do(kOperation, request.header, name);
}

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

std::vector<Route> ListRoutes(const Namespace& in) {
  constexpr const char* kOperation = "list routes";
  Connection connection(in);
  const auto names = LinkNames(connection, kOperation);
  std::vector<Route> routes;
  Dump(
      connection, kOperation, RTM_GETROUTE, [](Request& request) { request.Extra<rtmsg>(); },
      [&](const nlmsghdr* header) {
        const auto* message = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(header));
        const size_t size = message->rtm_family == AF_INET ? 4 : message->rtm_family == AF_INET6 ? 16 : 0;
        if (size == 0 || message->rtm_table != RT_TABLE_MAIN || message->rtm_type != RTN_UNICAST) return;
        if ((message->rtm_flags & RTM_F_CLONED) != 0) return;
        Route route;
        route.family = size == 4 ? "inet" : "inet6";
        route.destination = "default";
        EachAttribute(header, sizeof(rtmsg), [&](const nlattr* attribute) {
          const uint16_t type = mnl_attr_get_type(attribute);
          const size_t length = mnl_attr_get_payload_len(attribute);
          const void* payload = mnl_attr_get_payload(attribute);
          if (type == RTA_DST && length == size && message->rtm_dst_len > 0) {
            route.destination =
                FormatAddress(message->rtm_family, payload) + "/" + std::to_string(message->rtm_dst_len);
          } else if (type == RTA_GATEWAY && length == size) {
            route.gateway = FormatAddress(message->rtm_family, payload);
          } else if (type == RTA_OIF && length == sizeof(uint32_t)) {
            const auto name = names.find(mnl_attr_get_u32(attribute));
            if (name != names.end()) route.link = name->second;
          }
        });
        routes.push_back(std::move(route));
      },
      [&] { routes.clear(); });
  return routes;
}

void AddRoute(const Namespace& in, const std::string& destination, const std::string& gateway,
              const std::string& link) {
  ChangeRoute(in, "add route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, destination, gateway, link);
}

void DeleteRoute(const Namespace& in, const std::string& destination, const std::string& gateway,
                 const std::string& link) {
  ChangeRoute(in, "delete route", RTM_DELROUTE, 0, destination, gateway, link);
}

}  // namespace smartadm::netlink
