// Headers of the records of a ZFS send stream: their numbers, and whether their checksums are right.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/fletcher4.h"

namespace smartadm::codec {

constexpr size_t kHeaderBytes = 312;

enum class Verdict : uint8_t { kWrong, kRight, kNone };

// Lies as it is in a buffer of JavaScript's. Of the bytes of a header that say something, `wide` and `narrow` are the
// numbers, as if all were of 64 bits, and of 32: whoever knows the type of the record picks. Wide ones are exact up to
// 2^53.
struct RecordHeader {
  Fletcher4 sums;
  std::array<double, 16> wide;
  std::array<uint32_t, 32> narrow;
  std::array<uint8_t, 128> bytes;
  Verdict verdict;
  // Of an END: whether the checksum it tells is that of all before it.
  Verdict end_verdict;
  std::array<uint8_t, 6> padding;
};
static_assert(sizeof(RecordHeader) == 432);

// Reads the header at `bytes`, adding it to the running sums.
void ReadHeader(RecordHeader& header, const uint8_t* bytes, bool swapped);

}  // namespace smartadm::codec
