// What is called of liblz4: platforms of illumos do not come with it, nor with its header.
#pragma once

#define LZ4_MAX_INPUT_SIZE 0x7E000000

extern "C" int LZ4_decompress_safe(const char* from, char* to, int size, int room);
