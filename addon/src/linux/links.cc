#include "linux/links.h"

#include <linux/if_link.h>
#include <linux/veth.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <unordered_map>
#include <utility>

#include "linux/route_socket.h"

namespace smartadm::netlink {
namespace {

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

// Every link of the namespace.
std::vector<RawLink> AllLinks(Connection& connection, const char* operation) {
  std::vector<RawLink> links;
  Dump(
      connection, operation, RTM_GETLINK, [](Request& request) { request.Extra<ifinfomsg>(); },
      [&](const nlmsghdr* header) { links.push_back(ReadLink(header)); }, [&] { links.clear(); });
  return links;
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

}  // namespace smartadm::netlink
