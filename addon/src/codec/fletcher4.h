// Fletcher-4, the checksum of ZFS send streams: four sums over 32-bit words that carry on from call to call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace smartadm::codec {

// Lies as it is in a buffer of JavaScript's: sums, then the bytes of a word whose rest has not come yet.
struct Fletcher4 {
  uint64_t a, b, c, d;
  uint8_t rest[4];
  uint32_t rest_size;
};
static_assert(sizeof(Fletcher4) == 40);

// Adds `size` bytes. `swapped`: the words have the byte order that is not this machine's.
void Add(Fletcher4& sums, const uint8_t* data, size_t size, bool swapped);

}  // namespace smartadm::codec
