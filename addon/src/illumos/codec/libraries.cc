// liblz4 and libzstd, found when something packed by them comes: most hosts never need them.
#include "illumos/imported.h"

// After it, as it declares what is imported.
#include <lz4.h>
#include <zstd.h>

namespace smartadm::codec {
namespace {

struct Lz4 : SystemLibrary {
  Lz4() : SystemLibrary("lz4", "liblz4.so.1") {}

  SMARTADM_IMPORT(LZ4_decompress_safe)
};

struct Zstd : SystemLibrary {
  Zstd() : SystemLibrary("zstd", "libzstd.so.1") {}

  SMARTADM_IMPORT(ZSTD_createDCtx)
  SMARTADM_IMPORT(ZSTD_freeDCtx)
  SMARTADM_IMPORT(ZSTD_decompressDCtx)
  SMARTADM_IMPORT(ZSTD_decompressStream)
  SMARTADM_IMPORT(ZSTD_isError)
  SMARTADM_IMPORT(ZSTD_getErrorName)
};

// Throws NativeError with a code that JavaScript has for addons that are not there.
template <typename Library>
const Library& Needed() {
  try {
    return Opened<Library>();
  } catch (const NativeError& error) {
    throw NativeError(error.library(), "dlopen", "LibraryMissing", ENOENT, error.what());
  }
}

}  // namespace
}  // namespace smartadm::codec

using smartadm::codec::Lz4;
using smartadm::codec::Needed;
using smartadm::codec::Zstd;

extern "C" {

int LZ4_decompress_safe(const char* from, char* to, int size, int room) {
  return Needed<Lz4>().LZ4_decompress_safe(from, to, size, room);
}

ZSTD_DCtx* ZSTD_createDCtx(void) { return Needed<Zstd>().ZSTD_createDCtx(); }
size_t ZSTD_freeDCtx(ZSTD_DCtx* context) { return Needed<Zstd>().ZSTD_freeDCtx(context); }
size_t ZSTD_decompressDCtx(ZSTD_DCtx* context, void* to, size_t room, const void* from, size_t size) {
  return Needed<Zstd>().ZSTD_decompressDCtx(context, to, room, from, size);
}
size_t ZSTD_decompressStream(ZSTD_DCtx* context, ZSTD_outBuffer* to, ZSTD_inBuffer* from) {
  return Needed<Zstd>().ZSTD_decompressStream(context, to, from);
}
unsigned ZSTD_isError(size_t result) { return Needed<Zstd>().ZSTD_isError(result); }
const char* ZSTD_getErrorName(size_t result) { return Needed<Zstd>().ZSTD_getErrorName(result); }

}  // extern "C"
