// UUIDs of zones: 16 bytes in the library, text elsewhere.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace smartadm::zonecfg {

inline std::string FormatUuid(const unsigned char* uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 15];
  }
  return text;
}

inline int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// False when `text` is no UUID.
inline bool ParseUuid(const std::string& text, unsigned char* uuid) {
  if (text.size() != 36) return false;
  for (size_t i = 0, at = 0; i < 16; ++i, at += 2) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (text[at++] != '-') return false;
    }
    const int high = HexDigit(text[at]);
    const int low = HexDigit(text[at + 1]);
    if (high < 0 || low < 0) return false;
    uuid[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

// All zeros are none.
inline std::optional<std::string> UuidOrNone(const unsigned char* uuid) {
  for (size_t i = 0; i < 16; ++i) {
    if (uuid[i] != 0) return FormatUuid(uuid);
  }
  return std::nullopt;
}

}  // namespace smartadm::zonecfg
