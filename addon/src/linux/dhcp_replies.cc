#include "linux/dhcp_replies.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "core/native_error.h"

namespace smartadm::dhcp {
namespace {

constexpr size_t kEthernetSize = 14;
constexpr size_t kUdpSize = 8;
constexpr size_t kHardwareAddressAt = 28;
constexpr size_t kYourAddressAt = 16;
constexpr size_t kCookieAt = 236;
constexpr uint8_t kCookie[] = {99, 130, 83, 99};
constexpr uint8_t kBootReply = 2;

enum Option : uint8_t { kPad = 0, kMask = 1, kRouters = 3, kNameServers = 6, kLeaseTime = 51, kType = 53, kEnd = 255 };
constexpr uint8_t kAck = 5;
constexpr uint8_t kNak = 6;
constexpr size_t kNameServersKept = 3;

// IPv4, UDP, whole, from port 67 to port 68, sent rather than received. Of no VLAN: a guest that may send what is no IP
// could hide an answer in one.
const sock_filter kFilter[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 14),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 12),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 10),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kEthernetSize + 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 8),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kEthernetSize + 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 6, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, kEthernetSize),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, kEthernetSize),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, kEthernetSize + 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

uint16_t Read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

uint32_t Read32(const uint8_t* at) { return static_cast<uint32_t>(Read16(at)) << 16 | Read16(at + 2); }

std::string FormatAddress(uint32_t address) {
  const in_addr bytes = {htonl(address)};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &bytes, text, sizeof text) == nullptr ? "" : text;
}

// Whether a machine can have it: neither "this network", nor loopback, nor for many.
bool IsOfHost(uint32_t address) {
  const uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}

struct Bytes {
  const uint8_t* begin = nullptr;
  size_t size = 0;
};

// What an option says the first time; an option that does not fit ends the list.
Bytes FindOption(const Bytes& options, Option wanted) {
  for (size_t at = 0; at < options.size && options.begin[at] != kEnd;) {
    if (options.begin[at] == kPad) {
      ++at;
      continue;
    }
    if (at + 2 > options.size || at + 2 + options.begin[at + 1] > options.size) break;
    const Bytes value = {options.begin + at + 2, options.begin[at + 1]};
    if (options.begin[at] == wanted) return value;
    at += 2 + value.size;
  }
  return {};
}

// The DHCP message in a frame.
Bytes FindMessage(const uint8_t* frame, size_t size) {
  if (size < kEthernetSize + 20) return {};
  const uint8_t* ip = frame + kEthernetSize;
  const size_t header = static_cast<size_t>(ip[0] & 15) * 4;
  const size_t total = std::min<size_t>(Read16(ip + 2), size - kEthernetSize);
  if (ip[0] >> 4 != 4 || header < 20 || total < header + kUdpSize) return {};
  const size_t udp = Read16(ip + header + 4);
  if (udp < kUdpSize || udp > total - header) return {};
  return {ip + header + kUdpSize, udp - kUdpSize};
}

// Of servers that name none: what networks were like before masks (RFC 791).
int PrefixOf(const Bytes& mask, uint32_t address) {
  if (mask.size != 4) return address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24;
  const uint32_t bits = Read32(mask.begin);
  const int length = std::countl_one(bits);
  return length > 0 && std::popcount(bits) == length ? length : 0;
}

}  // namespace

UniqueFd WatchReplies(const std::string& link) {
  const unsigned index = ::if_nametoindex(link.c_str());
  if (index == 0) throw NativeError("libc", "if_nametoindex", errno, link);
  // Without a protocol it gets nothing before the filter is there.
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw NativeError("libc", "socket", errno, link);
  const sock_fprog program = {std::size(kFilter), const_cast<sock_filter*>(kFilter)};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    throw NativeError("libc", "setsockopt", errno, link);
  }
  sockaddr_ll where = {};
  where.sll_family = AF_PACKET;
  // What is sent is seen only by who asks for all.
  where.sll_protocol = htons(ETH_P_ALL);
  where.sll_ifindex = static_cast<int>(index);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) {
    throw NativeError("libc", "bind", errno, link);
  }
  return socket;
}

std::optional<Reply> ReadReply(const uint8_t* frame, size_t size, const Mac& mac) {
  const Bytes message = FindMessage(frame, size);
  if (message.size < kCookieAt + sizeof kCookie || message.begin[0] != kBootReply) return std::nullopt;
  if (std::memcmp(message.begin + kHardwareAddressAt, mac.data(), mac.size()) != 0) return std::nullopt;
  if (std::memcmp(message.begin + kCookieAt, kCookie, sizeof kCookie) != 0) return std::nullopt;
  const size_t options_at = kCookieAt + sizeof kCookie;
  const Bytes options = {message.begin + options_at, message.size - options_at};
  const Bytes type = FindOption(options, kType);
  if (type.size != 1) return std::nullopt;
  Reply reply;
  if (type.begin[0] == kNak) return reply;
  // Without a time it answers a question for something else than an address.
  const Bytes time = FindOption(options, kLeaseTime);
  const uint32_t address = Read32(message.begin + kYourAddressAt);
  const int prefix = PrefixOf(FindOption(options, kMask), address);
  if (type.begin[0] != kAck || time.size != 4 || !IsOfHost(address) || prefix == 0) return std::nullopt;
  reply.granted = true;
  reply.seconds = Read32(time.begin);
  reply.cidr = FormatAddress(address) + "/" + std::to_string(prefix);
  const Bytes routers = FindOption(options, kRouters);
  if (routers.size >= 4 && IsOfHost(Read32(routers.begin))) reply.router = FormatAddress(Read32(routers.begin));
  const Bytes servers = FindOption(options, kNameServers);
  for (size_t at = 0; at + 4 <= servers.size && reply.name_servers.size() < kNameServersKept; at += 4) {
    const uint32_t server = Read32(servers.begin + at);
    if (IsOfHost(server)) reply.name_servers.push_back(FormatAddress(server));
  }
  return reply;
}

}  // namespace smartadm::dhcp
