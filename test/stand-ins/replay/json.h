// As much of JSON as records need.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace replay {

struct Json {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  // Text of a string or a number, `true` or `false`.
  std::string text;
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;

  bool IsNull() const { return kind == Kind::kNull; }
  // The member of that name; null when there is none.
  const Json& operator[](const std::string& name) const;
  const Json& At(size_t index) const;
  // What a string stands for: `{"b64": …}` holds one that is no UTF-8.
  std::string Bytes() const;
  int64_t Integer() const;
};

// Ends the program when `text` is no JSON.
Json ParseJson(const std::string& text);

// A string as JSON; `{"b64": …}` when it is no UTF-8.
std::string Quote(const std::string& text);

}  // namespace replay
