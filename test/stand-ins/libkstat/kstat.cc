// A stand-in for libkstat: what the kernel counts of running zones, and what a test has written down.
//   system/zones/NAME      a running zone, see libzonecfg/stand_in.h: gives `zones:ID:NAME` of class zone_misc
//   system/kstats          one a line: `MODULE INSTANCE NAME CLASS [MEMBER=TYPE:VALUE …]`, TYPE one of i32 u32 i64 u64
//                          char string null; a line that begins with `raw` has no members; with `gone`, goes away
//                          before it is read; with `broken`, cannot be read
//   system/kstat-refuse    the errno that kstat_open fails with
#include <kstat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Chain {
  kstat_ctl_t control = {};
  std::vector<std::unique_ptr<kstat_t>> statistics;
  std::vector<std::vector<kstat_named_t>> members;
  // What strings in the members point to.
  std::vector<std::unique_ptr<std::string>> texts;
};

std::string Root() {
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || root[0] != '/') {
    std::fputs("the stand-in for libkstat needs SMARTADM_STAND_IN_ROOT\n", stderr);
    std::abort();
  }
  return root;
}

// As in the kernel: full fields have no zero at their end.
template <size_t Size>
void Put(char (&field)[Size], const std::string& text) {
  std::memset(field, 0, Size);
  std::memcpy(field, text.data(), std::min(Size - 1, text.size()));
}

kstat_named_t Member(Chain* chain, const std::string& name, const std::string& type, const std::string& value) {
  kstat_named_t member = {};
  Put(member.name, name);
  const auto number = std::strtoull(value.c_str(), nullptr, 10);
  if (type == "i32") member.data_type = KSTAT_DATA_INT32, member.value.i32 = std::atoi(value.c_str());
  if (type == "u32") member.data_type = KSTAT_DATA_UINT32, member.value.ui32 = static_cast<uint32_t>(number);
  if (type == "i64") member.data_type = KSTAT_DATA_INT64, member.value.i64 = std::atoll(value.c_str());
  if (type == "u64") member.data_type = KSTAT_DATA_UINT64, member.value.ui64 = number;
  if (type == "char") {
    member.data_type = KSTAT_DATA_CHAR;
    std::memcpy(member.value.c, value.data(), std::min(sizeof member.value.c, value.size()));
  }
  if (type == "string" || type == "null") {
    member.data_type = KSTAT_DATA_STRING;
    chain->texts.push_back(std::make_unique<std::string>(value));
    member.value.str.addr.ptr = type == "null" ? nullptr : chain->texts.back()->data();
    member.value.str.len = type == "null" ? 0 : static_cast<uint32_t>(value.size() + 1);
  }
  if (type == "odd") member.data_type = 77;
  return member;
}

void Add(Chain* chain, const std::string& module, int instance, const std::string& name, const std::string& class_,
         std::vector<kstat_named_t> members, uchar_t type) {
  auto statistic = std::make_unique<kstat_t>();
  Put(statistic->ks_module, module);
  statistic->ks_instance = instance;
  Put(statistic->ks_name, name);
  Put(statistic->ks_class, class_);
  statistic->ks_type = type;
  statistic->ks_kid = static_cast<kid_t>(chain->statistics.size());
  if (!chain->statistics.empty()) chain->statistics.back()->ks_next = statistic.get();
  chain->statistics.push_back(std::move(statistic));
  chain->members.push_back(std::move(members));
}

void AddZones(Chain* chain) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(Root() + "/system/zones", error)) {
    std::ifstream stream(file.path());
    std::string id, status, unique, pid = "0", booted = "0";
    stream >> id >> status >> unique >> pid >> booted;
    const std::string zone = file.path().filename();
    Add(chain, "zones", std::atoi(id.c_str()), zone.substr(0, 30), "zone_misc",
        {Member(chain, "zonename", "string", zone), Member(chain, "init_pid", "u32", pid),
         Member(chain, "init_restarts", "u32", "0"), Member(chain, "boot_time", "u64", booted)},
        KSTAT_TYPE_NAMED);
  }
}

void AddWritten(Chain* chain) {
  std::ifstream file(Root() + "/system/kstats");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string module, name, class_;
    int instance = 0;
    words >> module;
    const bool is_raw = module == "raw";
    const bool is_gone = module == "gone";
    const bool is_broken = module == "broken";
    if (is_raw || is_gone || is_broken) words >> module;
    words >> instance >> name >> class_;
    std::vector<kstat_named_t> members;
    for (std::string member; words >> member;) {
      const size_t equal = member.find('=');
      const size_t colon = member.find(':', equal);
      members.push_back(Member(chain, member.substr(0, equal), member.substr(equal + 1, colon - equal - 1),
                               member.substr(colon + 1)));
    }
    Add(chain, module, instance, name, class_, std::move(members), is_raw ? 0 : KSTAT_TYPE_NAMED);
    if (is_gone) chain->statistics.back()->ks_flags = ENXIO;
    if (is_broken) chain->statistics.back()->ks_flags = EIO;
  }
}

}  // namespace

kstat_ctl_t* kstat_open(void) {
  if (std::ifstream refused(Root() + "/system/kstat-refuse"); refused >> errno) return nullptr;
  auto* chain = new Chain;
  AddZones(chain);
  AddWritten(chain);
  chain->control.kc_chain = chain->statistics.empty() ? nullptr : chain->statistics.front().get();
  return &chain->control;
}

int kstat_close(kstat_ctl_t* control) {
  delete reinterpret_cast<Chain*>(control);
  return 0;
}

kid_t kstat_read(kstat_ctl_t* control, kstat_t* statistic, void* into) {
  if (into != nullptr) std::abort();
  if (statistic->ks_flags != 0) {
    errno = statistic->ks_flags;
    return -1;
  }
  auto* chain = reinterpret_cast<Chain*>(control);
  auto& members = chain->members[static_cast<size_t>(statistic->ks_kid)];
  statistic->ks_data = members.data();
  statistic->ks_ndata = static_cast<uint_t>(members.size());
  statistic->ks_data_size = members.size() * sizeof(kstat_named_t);
  statistic->ks_snaptime = 1;
  return statistic->ks_kid;
}
