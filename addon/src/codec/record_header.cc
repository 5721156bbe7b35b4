#include "codec/record_header.h"

#include <algorithm>
#include <cstring>

namespace smartadm::codec {
namespace {

constexpr size_t kChecksumAt = kHeaderBytes - 32;
constexpr size_t kEndChecksumAt = 8;

// Compares the sums with those at `bytes`, which are all zero where there are none.
Verdict Compare(const Fletcher4& sums, const uint8_t* bytes, bool swapped) {
  std::array<uint64_t, 4> told;
  std::memcpy(told.data(), bytes, sizeof told);
  if (told == std::array<uint64_t, 4>{}) return Verdict::kNone;
  if (swapped) std::ranges::transform(told, told.begin(), [](uint64_t sum) { return __builtin_bswap64(sum); });
  return told == std::array{sums.a, sums.b, sums.c, sums.d} ? Verdict::kRight : Verdict::kWrong;
}

}  // namespace

void ReadHeader(RecordHeader& header, const uint8_t* bytes, bool swapped) {
  std::memcpy(header.bytes.data(), bytes, sizeof header.bytes);
  for (size_t i = 0; i < header.wide.size(); ++i) {
    uint64_t wide;
    std::memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
    if (swapped) wide = __builtin_bswap64(wide);
    header.wide[i] = static_cast<double>(wide);
    const auto first = static_cast<uint32_t>(wide);
    const auto second = static_cast<uint32_t>(wide >> 32);
    header.narrow[i * 2] = swapped ? second : first;
    header.narrow[i * 2 + 1] = swapped ? first : second;
  }
  header.end_verdict = Compare(header.sums, bytes + kEndChecksumAt, swapped);
  Add(header.sums, bytes, kChecksumAt, swapped);
  header.verdict = Compare(header.sums, bytes + kChecksumAt, swapped);
  Add(header.sums, bytes + kChecksumAt, kHeaderBytes - kChecksumAt, swapped);
}

}  // namespace smartadm::codec
