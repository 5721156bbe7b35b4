// What codec.node exports: pure functions over buffers on the calling thread, and streams that work beside it.
#include <cstdint>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "codec/attributes.h"
#include "codec/decompress.h"
#include "codec/fletcher4.h"
#include "codec/record_header.h"
#include "codec/unpacking_binding.h"
#include "codec/zstd_stream.h"

namespace smartadm::codec {
namespace {

using Info = Napi::CallbackInfo;

// What is kept for JavaScript in memory of its own.
template <typename T>
T& ReadState(const Napi::Value& value, const char* name) {
  const Output bytes = ReadView(value, name);
  if (bytes.size() != sizeof(T) || reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) != 0) {
    throw Napi::RangeError::New(
        value.Env(), std::string(name) + " must have " + std::to_string(sizeof(T)) + " bytes, at a multiple of 8");
  }
  return *reinterpret_cast<T*>(bytes.data());
}

bool ReadSwapped(const Napi::Value& value) {
  return ReadBoolean(value, "bigEndian") == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

Napi::Value Fletcher4Binding(const Info& info) {
  auto& state = ReadState<Fletcher4>(info[0], "state");
  const Output data = ReadView(info[1], "data");
  const auto size = static_cast<int64_t>(data.size());
  const int64_t start = ReadInteger(info[2], "start", 0, size);
  const int64_t end = ReadInteger(info[3], "end", start, size);
  Add(state, data.data() + start, static_cast<size_t>(end - start), ReadSwapped(info[4]));
  return info.Env().Undefined();
}

Napi::Value ReadHeaderBinding(const Info& info) {
  auto& header = ReadState<RecordHeader>(info[0], "header");
  const Output data = ReadView(info[1], "data");
  const auto size = static_cast<int64_t>(data.size());
  const int64_t start = ReadInteger(info[2], "start", 0, size);
  const int64_t at = ReadInteger(info[3], "at", start, size - static_cast<int64_t>(kHeaderBytes));
  const bool swapped = ReadSwapped(info[4]);
  Add(header.sums, data.data() + start, static_cast<size_t>(at - start), swapped);
  ReadHeader(header, data.data() + at, swapped);
  return info.Env().Undefined();
}

Layout ReadLayout(const Napi::Value& value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint16_array) {
    throw Napi::TypeError::New(value.Env(), "layout must be a Uint16Array");
  }
  auto words = value.As<Napi::Uint16Array>();
  // Two words each.
  return Layout(reinterpret_cast<const LayoutField*>(words.Data()), words.ElementLength() / 2);
}

Napi::Value ReadAttributesBinding(const Info& info) {
  auto& table = ReadState<AttributeTable>(info[0], "table");
  const Output block = ReadView(info[1], "block");
  const Layout layout = ReadLayout(info[2]);
  const Part part = ReadBoolean(info[3], "isSpill") ? Part::kSpill : Part::kBonus;
  return ToJs(info.Env(), static_cast<int>(ReadAttributes(table, block, layout, part)));
}

template <bool (*Decompress)(Input, Output)>
Napi::Value DecompressBinding(const Info& info) {
  return ToJs(info.Env(), Decompress(ReadView(info[0], "input"), ReadView(info[1], "output")));
}

// Who needs this module has a stream pass through buffers that Node allocates one after another. glibc would take each
// from the kernel and give it back, and the faults on all its pages cost more than what is done with the bytes.
void KeepFreedMemory() {
#ifdef __GLIBC__
  // Pieces of a stream are smaller than the first, tables of its objects larger.
  ::mallopt(M_MMAP_THRESHOLD, 2 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  KeepFreedMemory();
  Export(exports, "fletcher4", Fletcher4Binding);
  Export(exports, "readHeader", ReadHeaderBinding);
  Export(exports, "readAttributes", ReadAttributesBinding);
  Export(exports, "decompressLz4", DecompressBinding<DecompressLz4>);
  Export(exports, "decompressZstd", DecompressBinding<DecompressZstd>);
  Export(exports, "decompressLzjb", DecompressBinding<DecompressLzjb>);
  Export(exports, "decompressZle", DecompressBinding<DecompressZle>);
  Export(exports, "openZstd", OpenUnpacking<ZstdStream>);
  return exports;
}

NODE_API_MODULE(codec, Init)

}  // namespace
}  // namespace smartadm::codec
