#include "illumos/kstat.h"

#include <kstat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>

#include "illumos/imported.h"

// clang-format off
#define SMARTADM_KSTAT_FUNCTIONS(F) F(kstat_open) F(kstat_close) F(kstat_read)
// clang-format on

namespace smartadm::kstat {
namespace {

struct Library : SystemLibrary {
  Library() : SystemLibrary("kstat", "libkstat.so.1") {}

  SMARTADM_KSTAT_FUNCTIONS(SMARTADM_IMPORT)
};

const Library& Lib() { return Opened<Library>(); }

struct CloseChain {
  void operator()(kstat_ctl_t* chain) const { Lib().kstat_close(chain); }
};
using Chain = std::unique_ptr<kstat_ctl_t, CloseChain>;

// Fields of a fixed size, full ones without a zero at their end.
template <size_t Size>
std::string Field(const char (&field)[Size]) {
  return std::string(field, ::strnlen(field, Size));
}

bool Fits(const Query& query, const kstat_t& found) {
  return (!query.module || *query.module == Field(found.ks_module)) &&
         (!query.instance || *query.instance == found.ks_instance) &&
         (!query.name || *query.name == Field(found.ks_name)) &&
         (!query.class_name || *query.class_name == Field(found.ks_class));
}

std::optional<Value> ValueOf(const kstat_named_t& named) {
  switch (named.data_type) {
    case KSTAT_DATA_CHAR:
      return Field(named.value.c);
    case KSTAT_DATA_INT32:
      return int64_t{named.value.i32};
    case KSTAT_DATA_UINT32:
      return uint64_t{named.value.ui32};
    case KSTAT_DATA_INT64:
      return named.value.i64;
    case KSTAT_DATA_UINT64:
      return named.value.ui64;
    case KSTAT_DATA_STRING: {
      const char* text = named.value.str.addr.ptr;
      return text == nullptr ? std::string() : std::string(text, ::strnlen(text, named.value.str.len));
    }
    default:
      return std::nullopt;
  }
}

Statistic Take(const kstat_t& found) {
  Statistic statistic = {Field(found.ks_module), found.ks_instance, Field(found.ks_name),
                         Field(found.ks_class),  found.ks_snaptime, {}};
  if (found.ks_type != KSTAT_TYPE_NAMED || found.ks_data == nullptr) return statistic;
  const auto* named = static_cast<const kstat_named_t*>(found.ks_data);
  for (uint_t i = 0; i < found.ks_ndata && (i + 1) * sizeof *named <= found.ks_data_size; ++i) {
    if (auto value = ValueOf(named[i])) statistic.data.emplace_back(Field(named[i].name), std::move(*value));
  }
  return statistic;
}

}  // namespace

void OpenLibrary() { Lib(); }

std::vector<std::string> MissingFunctions() { return Lib().missing(); }

std::vector<Statistic> Read(const Query& query) {
  const std::lock_guard lock(MutexOf<Library>());
  // Opened anew each time: what has been opened before knows nothing of statistics that came later.
  Lib().kstat_close.Require();
  const Chain chain(Lib().kstat_open());
  if (!chain) throw NativeError("kstat", "kstat_open", errno);
  std::vector<Statistic> all;
  for (kstat_t* at = chain->kc_chain; at != nullptr; at = at->ks_next) {
    if (!Fits(query, *at)) continue;
    if (Lib().kstat_read(chain.get(), at, nullptr) != -1) {
      all.push_back(Take(*at));
    } else if (errno != ENXIO && errno != ENOENT) {
      throw NativeError("kstat", "kstat_read", errno, Field(at->ks_module) + ":" + Field(at->ks_name));
    }
  }
  return all;
}

}  // namespace smartadm::kstat
