#include "codec/fletcher4.h"

#include <algorithm>
#include <cstring>

namespace smartadm::codec {
namespace {

// Four lanes: lane i adds words i, i + 4, i + 8, …
using Lanes = uint64_t __attribute__((vector_size(32)));
using Words = uint32_t __attribute__((vector_size(16)));

struct LaneSums {
  Lanes a, b, c, d;
};

template <bool kSwapped>
inline __attribute__((always_inline)) LaneSums SumLanes(const uint8_t* data, size_t groups) {
  Lanes a{}, b{}, c{}, d{};
  for (size_t i = 0; i < groups; ++i) {
    Words words;
    std::memcpy(&words, data + i * sizeof words, sizeof words);
    if constexpr (kSwapped) words = (words << 24) | ((words & 0xff00) << 8) | ((words >> 8) & 0xff00) | (words >> 24);
    a += __builtin_convertvector(words, Lanes);
    b += a;
    c += b;
    d += c;
  }
  return {a, b, c, d};
}

void SumPlain(LaneSums& sums, const uint8_t* data, size_t groups, bool swapped) {
  sums = swapped ? SumLanes<true>(data, groups) : SumLanes<false>(data, groups);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void SumAvx2(LaneSums& sums, const uint8_t* data, size_t groups, bool swapped) {
  sums = swapped ? SumLanes<true>(data, groups) : SumLanes<false>(data, groups);
}
const auto kSum = __builtin_cpu_supports("avx2") ? SumAvx2 : SumPlain;
#else
const auto kSum = SumPlain;
#endif

void AddWord(Fletcher4& sums, const uint8_t* data, bool swapped) {
  uint32_t word;
  std::memcpy(&word, data, sizeof word);
  sums.a += swapped ? __builtin_bswap32(word) : word;
  sums.b += sums.a;
  sums.c += sums.b;
  sums.d += sums.c;
}

// In one sequence, word k of n weighs T1(n - k) in b, T2(n - k) in c and T3(n - k) in d, with T1(x) = x,
// T2(x) = x(x+1)/2, T3(x) = x(x+1)(x+2)/6. Word j of m in lane i is word 4j + i of 4m, so with x = m - j its weight
// there is T(4x - i), which is a combination of the lane's own 1, T1(x), T2(x), T3(x).
void AddLanes(Fletcher4& sums, const LaneSums& lanes, uint64_t words) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    a += lanes.a[i];
    b += 4 * lanes.b[i] - i * lanes.a[i];
    c += 16 * lanes.c[i] - (6 + 4 * i) * lanes.b[i] + (i * (i - 1) / 2) * lanes.a[i];
    d += 64 * lanes.d[i] - (48 + 16 * i) * lanes.c[i] + (4 + 4 * i + 2 * i * i) * lanes.b[i] -
         (i == 3 ? 1 : 0) * lanes.a[i];
  }
  const uint64_t t2 = words * (words + 1) / 2;
  const uint64_t t3 = words * (words + 1) * (words + 2) / 6;
  sums.d += words * sums.c + t2 * sums.b + t3 * sums.a + d;
  sums.c += words * sums.b + t2 * sums.a + c;
  sums.b += words * sums.a + b;
  sums.a += a;
}

}  // namespace

void Add(Fletcher4& sums, const uint8_t* data, size_t size, bool swapped) {
  if (sums.rest_size > 0) {
    const size_t taken = std::min<size_t>(4 - std::min<uint32_t>(sums.rest_size, 3), size);
    std::memcpy(sums.rest + std::min<uint32_t>(sums.rest_size, 3), data, taken);
    sums.rest_size += static_cast<uint32_t>(taken);
    data += taken;
    size -= taken;
    if (sums.rest_size < 4) return;
    AddWord(sums, sums.rest, swapped);
    sums.rest_size = 0;
  }
  // So many that the weights fit into 64 bits.
  constexpr size_t kMostGroups = size_t{1} << 18;
  while (size >= sizeof(Words)) {
    const size_t groups = std::min(size / sizeof(Words), kMostGroups);
    LaneSums lanes;
    kSum(lanes, data, groups, swapped);
    AddLanes(sums, lanes, groups * 4);
    data += groups * sizeof(Words);
    size -= groups * sizeof(Words);
  }
  for (; size >= 4; data += 4, size -= 4) AddWord(sums, data, swapped);
  std::memcpy(sums.rest, data, size);
  sums.rest_size = static_cast<uint32_t>(size);
}

}  // namespace smartadm::codec
