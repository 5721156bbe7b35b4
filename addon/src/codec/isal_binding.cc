// What isal.node exports: gzip files, decompressed by ISA-L.
#include "boundary/exports.h"
#include "codec/gzip_stream.h"
#include "codec/unpacking_binding.h"

namespace smartadm::codec {
namespace {

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "openGzip", OpenUnpacking<GzipStream>);
  return exports;
}

NODE_API_MODULE(isal, Init)

}  // namespace
}  // namespace smartadm::codec
