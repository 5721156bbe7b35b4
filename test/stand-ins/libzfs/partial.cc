// What is kept of streams that were cut off, and the tokens from which they go on.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernel.h"
#include "records.h"

namespace standin {
namespace {

std::string PathOf(const Dataset& dataset) { return ZfsPath("partial/" + std::to_string(dataset.id)); }

uint32_t SumOf(const std::string& text) {
  uint32_t sum = 1;
  for (const char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum;
}

// As the real one: version, checksum, length and the values, though these are not packed as there.
std::string TokenOf(const Begin& begin) {
  std::ostringstream text;
  text << "object=" << begin.reached.object << "\noffset=" << begin.reached.offset << "\nbytes=" << begin.whole
       << "\ntoguid=" << begin.guid << "\ntoname=" << begin.full_name << '\n';
  if (begin.from != 0) text << "fromguid=" << begin.from << '\n';
  std::ostringstream token;
  token << "1-" << std::hex << SumOf(text.str()) << '-' << text.str().size() << '-';
  for (const char c : text.str()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    token << digits;
  }
  return token.str();
}

}  // namespace

Values ReadToken(const std::string& token) {
  unsigned sum = 0;
  size_t size = 0;
  int at = 0;
  if (std::sscanf(token.c_str(), "1-%x-%zx-%n", &sum, &size, &at) != 2 || token.size() != at + 2 * size) return {};
  std::string text;
  for (size_t i = static_cast<size_t>(at); i < token.size(); i += 2) {
    text += static_cast<char>(std::strtoul(token.substr(i, 2).c_str(), nullptr, 16));
  }
  if (SumOf(text) != sum) return {};
  Values values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return values;
}

int KeepPartial(const std::string& target, const std::string& file, const Begin& begin) {
  return Change([&](State& state) {
    const Dataset* there = state.FindPartial(target);
    Dataset made;
    if (there != nullptr) {
      made = *there;
    } else {
      // Beside what is there already, where nobody sees it.
      made.name = state.Find(target) == nullptr ? target : target + "/%recv";
      if (state.Find(ParentOf(made.name)) == nullptr) return ENOENT;
      made.id = state.NewId();
      made.txg = state.NewId();
      made.guid = state.NewGuid();
      made.creation = static_cast<uint64_t>(::time(nullptr));
      made.is_volume = begin.is_volume;
      MakeFolders(DataPath(made.id));
    }
    made.token = TokenOf(begin);
    std::filesystem::resize_file(file, begin.whole);
    std::filesystem::copy_file(file, PathOf(made), std::filesystem::copy_options::overwrite_existing);
    state.datasets[made.name] = made;
    Note("keep " + made.name);
    return 0;
  });
}

int JoinPartial(const std::string& target, const std::string& file, Begin& begin) {
  const auto state = Look();
  const Dataset* there = state->FindPartial(target);
  if (there == nullptr) return ENOENT;
  const Values known = ReadToken(there->token);
  if (known.at("toguid") != std::to_string(begin.guid)) return EINVAL;
  std::string now;
  {
    std::ifstream in(file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(begin.first));
    now.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::filesystem::copy_file(PathOf(*there), file, std::filesystem::copy_options::overwrite_existing);
  const uint64_t before = std::filesystem::file_size(file);
  std::ofstream(file, std::ios::binary | std::ios::app) << now;
  begin.whole += before - begin.first;
  // Nothing new came.
  if (begin.reached.object == 1) {
    begin.reached = {std::stoull(known.at("object")), std::stoull(known.at("offset"))};
  }
  begin.is_own = true;
  return 0;
}

void DropPartial(const std::string& target) {
  Change([&](State& state) {
    const Dataset* there = state.FindPartial(target);
    if (there == nullptr) return ENOENT;
    ::unlink(PathOf(*there).c_str());
    Remove(DataPath(there->id));
    state.datasets.erase(there->name);
    return 0;
  });
}

}  // namespace standin
