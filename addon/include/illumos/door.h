// Doors (libc).
#pragma once

#include "illumos_types.h"

extern "C" {

typedef struct door_desc door_desc_t;
typedef struct door_arg {
  char* data_ptr; /* in: argument, out: result */
  size_t data_size;
  door_desc_t* desc_ptr;
  uint_t desc_num;
  char* rbuf; /* result buffer */
  size_t rsize;
} door_arg_t;
extern int door_call(int, door_arg_t*);

}  // extern "C"
