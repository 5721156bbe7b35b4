#include "linux/route_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <thread>

namespace smartadm::netlink {
namespace {

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

}  // namespace

void Fail(const char* operation, int error, const std::string& detail) {
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

std::string TextOf(const nlattr* attribute) {
  const auto* begin = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return {begin, strnlen(begin, mnl_attr_get_payload_len(attribute))};
}

Connection::Connection(const Namespace& where) : socket_(OpenSocket(where)) {}

void Connection::Do(const char* operation, nlmsghdr* request, const std::string& subject) {
  request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  Exchange(operation, request, subject, [](const nlmsghdr*) {});
}

void Connection::Ask(const char* operation, nlmsghdr* request, const std::string& subject,
                     const std::function<void(const nlmsghdr*)>& each) {
  request->nlmsg_flags |= NLM_F_REQUEST;
  Exchange(operation, request, subject, each);
}

void Connection::Exchange(const char* operation, nlmsghdr* request, const std::string& subject,
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

void CheckName(const char* operation, const std::string& name) {
  bool good = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != "..";
  for (const char c : name) good = good && std::isgraph(static_cast<unsigned char>(c)) != 0 && c != '/' && c != ':';
  if (!good) Fail(operation, EINVAL, "link name \"" + name + "\"");
}

uint32_t IndexOf(Connection& connection, const char* operation, const std::string& name) {
  CheckName(operation, name);
  Request request(RTM_GETLINK, 0);
  request.Extra<ifinfomsg>();
  request.Text(IFLA_IFNAME, name);
  uint32_t index = 0;
  connection.Ask(operation, request.header, name, [&](const nlmsghdr* header) {
    index = static_cast<uint32_t>(static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header))->ifi_index);
  });
  return index;
}

std::unordered_map<uint32_t, std::string> LinkNames(Connection& connection, const char* operation) {
  std::unordered_map<uint32_t, std::string> names;
  Dump(
      connection, operation, RTM_GETLINK, [](Request& request) { request.Extra<ifinfomsg>(); },
      [&](const nlmsghdr* header) {
        const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header));
        EachAttribute(header, sizeof(ifinfomsg), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != IFLA_IFNAME) return;
          names.emplace(static_cast<uint32_t>(info->ifi_index), TextOf(attribute));
        });
      },
      [&] { names.clear(); });
  return names;
}

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

}  // namespace smartadm::netlink
