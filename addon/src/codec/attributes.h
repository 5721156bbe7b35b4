// Attributes of files as ZFS keeps them in bonus and spill blocks: system attributes, and znodes of old filesystems.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace smartadm::codec {

// Where each attribute that is read goes. Numbers as in lib/host/zfs-stream/attributes.ts.
constexpr size_t kAttributes = 18;

// One attribute of a layout: where it goes (kAttributes and above: nowhere), and its length (0: the block tells).
struct LayoutField {
  uint16_t slot;
  uint16_t length;
};
using Layout = std::span<const LayoutField>;

// Which block an attribute lies in.
enum class Part : uint8_t { kNone, kBonus, kSpill };

// Lies as it is in a buffer of JavaScript's.
struct AttributeTable {
  // As numbers, exact up to 2^53.
  std::array<double, kAttributes> numbers;
  // Seconds, the lower half first, and nanoseconds of what is a time.
  std::array<std::array<uint32_t, 3>, kAttributes> times;
  std::array<uint32_t, kAttributes> positions;
  std::array<uint32_t, kAttributes> lengths;
  std::array<Part, kAttributes> parts;
  std::array<uint8_t, 6> padding;
};
static_assert(sizeof(AttributeTable) == 528);

enum class Reading : int { kDone, kNone, kHeadSize, kHeadTooSmall, kTooLong };

// Adds those of a block with system attributes, in place of the ones read before. kNone: there are none in it.
Reading ReadAttributes(AttributeTable& table, std::span<const uint8_t> block, Layout layout, Part part);

}  // namespace smartadm::codec
