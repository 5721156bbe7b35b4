#include "illumos/zfs_session.h"

namespace smartadm::zfs {
namespace {

constexpr size_t kMostValue = 8192;

PoolInfo Describe(const PoolHandle& pool, const std::vector<std::string>& names) {
  PoolInfo info = {Lib().zpool_get_name(pool.get()), {}, {}};
  std::string value(kMostValue, '\0');
  const auto read = [&](zpool_prop_t number, zprop_source_t& source) {
    value.front() = '\0';
    return Lib().zpool_get_prop(pool.get(), number, value.data(), value.size(), &source, B_TRUE) == 0;
  };
  zprop_source_t source = ZPROP_SRC_NONE;
  if (read(ZPOOL_PROP_HEALTH, source)) info.state = value.c_str();
  for (const std::string& name : names) {
    const zpool_prop_t number = Lib().zpool_name_to_prop(name.c_str());
    if (number == ZPOOL_PROP_INVAL) continue;
    source = ZPROP_SRC_NONE;
    if (read(number, source)) info.properties.emplace(name, Property{value.c_str(), FromLibrary(source), {}});
  }
  return info;
}

}  // namespace

std::vector<PoolInfo> Session::Pools(const std::vector<std::string>& properties) {
  const Attempt attempt(*this, "zpool_iter", "pools");
  std::vector<PoolHandle> pools;
  attempt.Check(Lib().zpool_iter(handle_, CollectPool, &pools));
  std::vector<PoolInfo> infos;
  for (const PoolHandle& each : pools) infos.push_back(Describe(each, properties));
  return infos;
}

PoolInfo Session::Pool(const std::string& name, const std::vector<std::string>& properties) {
  const Attempt attempt(*this, "zpool_open_canfail", name);
  const PoolHandle pool(Lib().zpool_open_canfail(handle_, name.c_str()));
  if (!pool) attempt.Fail(-1);
  return Describe(pool, properties);
}

}  // namespace smartadm::zfs
