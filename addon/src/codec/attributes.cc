#include "codec/attributes.h"

#include <algorithm>
#include <cstring>

namespace smartadm::codec {
namespace {

constexpr uint32_t kMagic = 0x2f505a;
// Magic, then a word that tells layout and length of the head, then lengths that the layout leaves open.
constexpr size_t kLengthsAt = 6;

template <typename T>
T Load(const uint8_t* at, bool swapped) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if (!swapped) return value;
  if constexpr (sizeof value == 2) return __builtin_bswap16(value);
  if constexpr (sizeof value == 4) return __builtin_bswap32(value);
  if constexpr (sizeof value == 8) return __builtin_bswap64(value);
}

void Take(AttributeTable& table, size_t slot, std::span<const uint8_t> value, bool swapped) {
  if (value.size() >= 8) table.numbers[slot] = static_cast<double>(Load<uint64_t>(value.data(), swapped));
  if (value.size() < 16) return;
  const auto seconds = Load<uint64_t>(value.data(), swapped);
  constexpr uint64_t kMostNanoseconds = 999'999'999;
  const uint64_t nanoseconds = std::min(Load<uint64_t>(value.data() + 8, swapped), kMostNanoseconds);
  table.times[slot] = {static_cast<uint32_t>(seconds), static_cast<uint32_t>(seconds >> 32),
                       static_cast<uint32_t>(nanoseconds)};
}

}  // namespace

Reading ReadAttributes(AttributeTable& table, std::span<const uint8_t> block, Layout layout, Part part) {
  if (block.size() < 8) return Reading::kNone;
  // Each block keeps the order of the machine that wrote it, whatever that of the stream is.
  const bool swapped = Load<uint32_t>(block.data(), false) != kMagic;
  if (Load<uint32_t>(block.data(), swapped) != kMagic) return Reading::kNone;
  const size_t head = (Load<uint16_t>(block.data() + 4, swapped) >> 10) * size_t{8};
  if (head < 8 || head > block.size()) return Reading::kHeadSize;
  size_t length_at = kLengthsAt;
  size_t at = head;
  for (const LayoutField& field : layout) {
    size_t length = field.length;
    if (length == 0) {
      if (length_at + 2 > head) return Reading::kHeadTooSmall;
      length = Load<uint16_t>(block.data() + length_at, swapped);
      length_at += 2;
    }
    if (at + length > block.size()) return Reading::kTooLong;
    if (field.slot < kAttributes) {
      table.positions[field.slot] = static_cast<uint32_t>(at);
      table.lengths[field.slot] = static_cast<uint32_t>(length);
      table.parts[field.slot] = part;
      Take(table, field.slot, block.subspan(at, length), swapped);
    }
    at = (at + length + 7) / 8 * 8;
  }
  return Reading::kDone;
}

}  // namespace smartadm::codec
