// What codec.node exports: pure functions over buffers on the calling thread, and streams that work beside it.
#include <cstdint>
#include <memory>
#include <string>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "codec/decompress.h"
#include "codec/fletcher4.h"
#include "codec/zstd_stream.h"

namespace smartadm::codec {
namespace {

using Info = Napi::CallbackInfo;

// The bytes themselves, not a copy.
Output ReadView(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a Buffer or Uint8Array");
  }
  auto bytes = value.As<Napi::Uint8Array>();
  return Output(bytes.Data(), bytes.ByteLength());
}

Napi::Value Fletcher4Binding(const Info& info) {
  const Output state = ReadView(info[0], "state");
  if (state.size() != sizeof(Fletcher4) || reinterpret_cast<uintptr_t>(state.data()) % alignof(Fletcher4) != 0) {
    throw Napi::RangeError::New(info.Env(), "state must have 40 bytes, at a multiple of 8");
  }
  const Output data = ReadView(info[1], "data");
  const auto size = static_cast<int64_t>(data.size());
  const int64_t start = ReadInteger(info[2], "start", 0, size);
  const int64_t end = ReadInteger(info[3], "end", start, size);
  Add(*reinterpret_cast<Fletcher4*>(state.data()), data.data() + start, static_cast<size_t>(end - start),
      ReadBoolean(info[4], "bigEndian") == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__));
  return info.Env().Undefined();
}

template <bool (*Decompress)(Input, Output)>
Napi::Value DecompressBinding(const Info& info) {
  return ToJs(info.Env(), Decompress(ReadView(info[0], "input"), ReadView(info[1], "output")));
}

// Keeps what JavaScript owns until the work on it has been settled.
std::shared_ptr<Napi::ObjectReference> Keep(const Info& info) {
  Napi::Array kept = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < info.Length(); ++i) kept.Set(i, info[i]);
  return std::make_shared<Napi::ObjectReference>(Napi::Persistent(kept.As<Napi::Object>()));
}

Napi::Value OpenZstdBinding(const Info& info) {
  auto [object, handle] = NewHandle(info.Env(), std::make_shared<ZstdStream>());
  Export(object, "run", [handle = handle](const Info& call) -> Napi::Value {
    return RunWork(
        call.Env(),
        [stream = handle->Get(call.Env()), input = ReadView(call[0], "input"), output = ReadView(call[1], "output"),
         kept = Keep(call)] { return stream->Run(input, output); },
        [](Napi::Env env, const ZstdStream::Progress& progress) {
          Napi::Object result = Napi::Object::New(env);
          result.Set("taken", ByteCountToJs(env, progress.taken));
          result.Set("given", ByteCountToJs(env, progress.given));
          result.Set("complete", ToJs(env, progress.complete));
          return result;
        });
  });
  return object;
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "fletcher4", Fletcher4Binding);
  Export(exports, "decompressLz4", DecompressBinding<DecompressLz4>);
  Export(exports, "decompressZstd", DecompressBinding<DecompressZstd>);
  Export(exports, "decompressLzjb", DecompressBinding<DecompressLzjb>);
  Export(exports, "decompressZle", DecompressBinding<DecompressZle>);
  Export(exports, "openZstd", OpenZstdBinding);
  return exports;
}

NODE_API_MODULE(codec, Init)

}  // namespace
}  // namespace smartadm::codec
