// libnvpair: lists of named values in memory.
#include <libnvpair.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr uint64_t kAlive = 0x6e766c6973740001;
constexpr uint64_t kFreed = 0xdeaddeaddeaddead;

}  // namespace

struct nvpair {
  std::string name;
  data_type_t type;
  uint64_t number;
  std::string text;
  nvlist_t* list;
};

struct nvlist {
  uint64_t mark = kAlive;
  uint_t flags = 0;
  std::vector<std::unique_ptr<nvpair>> pairs;
};

namespace {

[[noreturn]] void Die(const char* why) {
  std::fprintf(stderr, "libnvpair: %s\n", why);
  std::abort();
}

nvlist_t* Live(nvlist_t* list) {
  if (list == nullptr || list->mark != kAlive) Die("this is no list, or none any more");
  return list;
}

nvpair_t* Find(nvlist_t* list, const char* name) {
  for (const auto& pair : Live(list)->pairs) {
    if (pair->name == name) return pair.get();
  }
  return nullptr;
}

int Add(nvlist_t* list, nvpair pair) {
  Live(list);
  if ((list->flags & NV_UNIQUE_NAME) != 0) {
    std::erase_if(list->pairs, [&](const auto& each) { return each->name == pair.name; });
  }
  list->pairs.push_back(std::make_unique<nvpair>(std::move(pair)));
  return 0;
}

template <typename T>
int LookUp(nvlist_t* list, const char* name, data_type_t type, T* value) {
  const nvpair_t* pair = Find(list, name);
  if (pair == nullptr || pair->type != type) return ENOENT;
  *value = static_cast<T>(pair->number);
  return 0;
}

template <typename T>
int ValueOf(nvpair_t* pair, data_type_t type, T* value) {
  if (pair->type != type) return EINVAL;
  *value = static_cast<T>(pair->number);
  return 0;
}

nvlist_t* Copy(nvlist_t* list);

nvpair CopyPair(const nvpair& pair) {
  nvpair copy = pair;
  if (pair.list != nullptr) copy.list = Copy(pair.list);
  return copy;
}

nvlist_t* Copy(nvlist_t* list) {
  auto* copy = new nvlist;
  copy->flags = Live(list)->flags;
  for (const auto& pair : list->pairs) copy->pairs.push_back(std::make_unique<nvpair>(CopyPair(*pair)));
  return copy;
}

}  // namespace

extern "C" {

int nvlist_alloc(nvlist_t** list, uint_t flags, int) {
  *list = new nvlist;
  (*list)->flags = flags;
  return 0;
}

void nvlist_free(nvlist_t* list) {
  if (list == nullptr) return;
  Live(list);
  for (const auto& pair : list->pairs) nvlist_free(pair->list);
  list->mark = kFreed;
  delete list;
}

int nvlist_dup(nvlist_t* list, nvlist_t** copy, int) {
  *copy = Copy(list);
  return 0;
}

boolean_t nvlist_exists(nvlist_t* list, const char* name) { return Find(list, name) == nullptr ? B_FALSE : B_TRUE; }
boolean_t nvlist_empty(nvlist_t* list) { return Live(list)->pairs.empty() ? B_TRUE : B_FALSE; }

int nvlist_add_boolean(nvlist_t* list, const char* name) {
  return Add(list, {name, DATA_TYPE_BOOLEAN, 0, {}, nullptr});
}
int nvlist_add_boolean_value(nvlist_t* list, const char* name, boolean_t value) {
  return Add(list, {name, DATA_TYPE_BOOLEAN_VALUE, static_cast<uint64_t>(value), {}, nullptr});
}
int nvlist_add_int32(nvlist_t* list, const char* name, int32_t value) {
  return Add(list, {name, DATA_TYPE_INT32, static_cast<uint64_t>(value), {}, nullptr});
}
int nvlist_add_uint32(nvlist_t* list, const char* name, uint32_t value) {
  return Add(list, {name, DATA_TYPE_UINT32, value, {}, nullptr});
}
int nvlist_add_int64(nvlist_t* list, const char* name, int64_t value) {
  return Add(list, {name, DATA_TYPE_INT64, static_cast<uint64_t>(value), {}, nullptr});
}
int nvlist_add_uint64(nvlist_t* list, const char* name, uint64_t value) {
  return Add(list, {name, DATA_TYPE_UINT64, value, {}, nullptr});
}
int nvlist_add_string(nvlist_t* list, const char* name, const char* value) {
  if (value == nullptr) return EINVAL;
  return Add(list, {name, DATA_TYPE_STRING, 0, value, nullptr});
}
int nvlist_add_nvlist(nvlist_t* list, const char* name, nvlist_t* value) {
  if (value == nullptr) return EINVAL;
  return Add(list, {name, DATA_TYPE_NVLIST, 0, {}, Copy(value)});
}

int nvlist_remove_all(nvlist_t* list, const char* name) {
  return std::erase_if(Live(list)->pairs, [&](const auto& each) { return each->name == name; }) == 0 ? ENOENT : 0;
}

int nvlist_lookup_boolean_value(nvlist_t* list, const char* name, boolean_t* value) {
  return LookUp(list, name, DATA_TYPE_BOOLEAN_VALUE, value);
}
int nvlist_lookup_int32(nvlist_t* list, const char* name, int32_t* value) {
  return LookUp(list, name, DATA_TYPE_INT32, value);
}
int nvlist_lookup_uint32(nvlist_t* list, const char* name, uint32_t* value) {
  return LookUp(list, name, DATA_TYPE_UINT32, value);
}
int nvlist_lookup_int64(nvlist_t* list, const char* name, int64_t* value) {
  return LookUp(list, name, DATA_TYPE_INT64, value);
}
int nvlist_lookup_uint64(nvlist_t* list, const char* name, uint64_t* value) {
  return LookUp(list, name, DATA_TYPE_UINT64, value);
}
int nvlist_lookup_string(nvlist_t* list, const char* name, char** value) {
  nvpair_t* pair = Find(list, name);
  if (pair == nullptr || pair->type != DATA_TYPE_STRING) return ENOENT;
  *value = pair->text.data();
  return 0;
}
int nvlist_lookup_nvlist(nvlist_t* list, const char* name, nvlist_t** value) {
  const nvpair_t* pair = Find(list, name);
  if (pair == nullptr || pair->type != DATA_TYPE_NVLIST) return ENOENT;
  *value = pair->list;
  return 0;
}

nvpair_t* nvlist_next_nvpair(nvlist_t* list, nvpair_t* pair) {
  const auto& pairs = Live(list)->pairs;
  if (pair == nullptr) return pairs.empty() ? nullptr : pairs.front().get();
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].get() == pair) return i + 1 < pairs.size() ? pairs[i + 1].get() : nullptr;
  }
  Die("this pair is not of that list");
}

char* nvpair_name(nvpair_t* pair) { return pair->name.data(); }
data_type_t nvpair_type(nvpair_t* pair) { return pair->type; }

int nvpair_value_boolean_value(nvpair_t* pair, boolean_t* value) {
  return ValueOf(pair, DATA_TYPE_BOOLEAN_VALUE, value);
}
int nvpair_value_int32(nvpair_t* pair, int32_t* value) { return ValueOf(pair, DATA_TYPE_INT32, value); }
int nvpair_value_uint32(nvpair_t* pair, uint32_t* value) { return ValueOf(pair, DATA_TYPE_UINT32, value); }
int nvpair_value_int64(nvpair_t* pair, int64_t* value) { return ValueOf(pair, DATA_TYPE_INT64, value); }
int nvpair_value_uint64(nvpair_t* pair, uint64_t* value) { return ValueOf(pair, DATA_TYPE_UINT64, value); }
int nvpair_value_string(nvpair_t* pair, char** value) {
  if (pair->type != DATA_TYPE_STRING) return EINVAL;
  *value = pair->text.data();
  return 0;
}
int nvpair_value_nvlist(nvpair_t* pair, nvlist_t** value) {
  if (pair->type != DATA_TYPE_NVLIST) return EINVAL;
  *value = pair->list;
  return 0;
}

nvlist_t* fnvlist_alloc(void) {
  nvlist_t* list = nullptr;
  nvlist_alloc(&list, NV_UNIQUE_NAME, 0);
  return list;
}
void fnvlist_free(nvlist_t* list) { nvlist_free(list); }
void fnvlist_add_boolean(nvlist_t* list, const char* name) { nvlist_add_boolean(list, name); }
void fnvlist_add_string(nvlist_t* list, const char* name, const char* value) {
  if (nvlist_add_string(list, name, value) != 0) Die("fnvlist_add_string failed");
}
void fnvlist_add_uint64(nvlist_t* list, const char* name, uint64_t value) { nvlist_add_uint64(list, name, value); }
void fnvlist_add_nvlist(nvlist_t* list, const char* name, nvlist_t* value) {
  if (nvlist_add_nvlist(list, name, value) != 0) Die("fnvlist_add_nvlist failed");
}

}  // extern "C"
