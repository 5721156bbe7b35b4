#include "linux/routes.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "linux/route_socket.h"

namespace smartadm::netlink {
namespace {

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
