// What is called of libzstd: platforms of illumos do not come with it, nor with its header.
#pragma once

#include <cstddef>

typedef struct ZSTD_DCtx_s ZSTD_DCtx;

typedef struct ZSTD_inBuffer_s {
  const void* src;
  size_t size, pos;
} ZSTD_inBuffer;

typedef struct ZSTD_outBuffer_s {
  void* dst;
  size_t size, pos;
} ZSTD_outBuffer;

extern "C" {
ZSTD_DCtx* ZSTD_createDCtx(void);
size_t ZSTD_freeDCtx(ZSTD_DCtx* context);
size_t ZSTD_decompressDCtx(ZSTD_DCtx* context, void* to, size_t room, const void* from, size_t size);
size_t ZSTD_decompressStream(ZSTD_DCtx* context, ZSTD_outBuffer* to, ZSTD_inBuffer* from);
unsigned ZSTD_isError(size_t result);
const char* ZSTD_getErrorName(size_t result);
}
