// Statistics of the kernel by libkstat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace smartadm::kstat {

// What is asked for: what is absent may be anything.
struct Query {
  std::optional<std::string> module, name, class_name;
  std::optional<int32_t> instance;
};

using Value = std::variant<std::string, int64_t, uint64_t>;

struct Statistic {
  std::string module;
  int32_t instance;
  std::string name, class_name;
  // Nanoseconds since the machine was started.
  int64_t snapshot_time;
  // Empty unless the statistic is a list of named values.
  std::vector<std::pair<std::string, Value>> data;
};

// Throws NativeError when the library is not there.
void OpenLibrary();
std::vector<std::string> MissingFunctions();
// In the order of the kernel. One that goes away meanwhile is left out. Throws NativeError with the errno's name.
std::vector<Statistic> Read(const Query& query);

}  // namespace smartadm::kstat
