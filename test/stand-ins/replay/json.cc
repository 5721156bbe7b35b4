#include "json.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace replay {
namespace {

const Json kNothing;
constexpr const char* kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

[[noreturn]] void Fail(const char* what, size_t at) {
  std::fprintf(stderr, "not JSON: %s at byte %zu\n", what, at);
  std::exit(2);
}

void AppendUtf8(unsigned code, std::string* text) {
  const auto byte = [&](unsigned value) { *text += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  Json Value() {
    Space();
    Json value;
    const char first = Peek();
    if (first == '{') {
      value.kind = Json::Kind::kObject;
      List('}', [&] {
        Space();
        std::string name = String();
        Space();
        Take(':');
        value.members.emplace_back(std::move(name), Value());
      });
    } else if (first == '[') {
      value.kind = Json::Kind::kArray;
      List(']', [&] { value.items.push_back(Value()); });
    } else if (first == '"') {
      value.kind = Json::Kind::kString;
      value.text = String();
    } else {
      while (std::strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", Peek()) != nullptr && Peek() != '\0') {
        value.text += text_[at_++];
      }
      if (value.text.empty()) Fail("a value", at_);
      value.kind = value.text == "null"                            ? Json::Kind::kNull
                   : value.text == "true" || value.text == "false" ? Json::Kind::kBoolean
                                                                   : Json::Kind::kNumber;
    }
    return value;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void Take(char wanted) {
    if (Peek() != wanted) Fail("another character", at_);
    ++at_;
  }

  void Space() {
    while (Peek() == ' ' || Peek() == '\n' || Peek() == '\t' || Peek() == '\r') ++at_;
  }

  template <typename Read>
  void List(char end, Read read) {
    ++at_;
    Space();
    if (Peek() == end) {
      ++at_;
      return;
    }
    for (;;) {
      read();
      Space();
      if (Peek() == end) break;
      Take(',');
    }
    ++at_;
  }

  unsigned Hex() {
    const std::string digits = text_.substr(at_, 4);
    at_ += 4;
    return static_cast<unsigned>(std::strtoul(digits.c_str(), nullptr, 16));
  }

  std::string String() {
    Take('"');
    std::string result;
    while (Peek() != '"') {
      if (at_ >= text_.size()) Fail("an open string", at_);
      char c = text_[at_++];
      if (c != '\\') {
        result += c;
        continue;
      }
      c = text_[at_++];
      if (c == 'u') {
        unsigned code = Hex();
        if (code >= 0xd800 && code < 0xdc00 && Peek() == '\\') {
          at_ += 2;
          code = 0x10000 + ((code - 0xd800) << 10) + (Hex() - 0xdc00);
        }
        AppendUtf8(code, &result);
        continue;
      }
      const char* escapes = "nrtbf";
      const char* found = std::strchr(escapes, c);
      result += found == nullptr ? c : "\n\r\t\b\f"[found - escapes];
    }
    ++at_;
    return result;
  }

  const std::string& text_;
  size_t at_ = 0;
};

bool IsUtf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

std::string FromBase64(const std::string& text) {
  std::string result;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const char* found = std::strchr(kBase64, c);
    if (c == '=' || found == nullptr) break;
    bits = bits << 6 | static_cast<unsigned>(found - kBase64);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    result += static_cast<char>(bits >> count & 0xff);
  }
  return result;
}

std::string ToBase64(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size(); at += 3) {
    unsigned bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) {
      result += at + i > text.size() ? '=' : kBase64[bits >> (18 - 6 * i) & 0x3f];
    }
  }
  return result;
}

}  // namespace

const Json& Json::operator[](const std::string& name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return value;
  }
  return kNothing;
}

const Json& Json::At(size_t index) const { return index < items.size() ? items[index] : kNothing; }

std::string Json::Bytes() const { return kind == Kind::kObject ? FromBase64((*this)["b64"].text) : text; }

int64_t Json::Integer() const {
  if (kind == Kind::kBoolean) return text == "true" ? 1 : 0;
  return static_cast<int64_t>(text[0] == '-' ? static_cast<uint64_t>(std::strtoll(text.c_str(), nullptr, 10))
                                             : std::strtoull(text.c_str(), nullptr, 10));
}

Json ParseJson(const std::string& text) { return Reader(text).Value(); }

std::string Quote(const std::string& text) {
  if (!IsUtf8(text)) return "{\"b64\":\"" + ToBase64(text) + "\"}";
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      result += escape;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

}  // namespace replay
