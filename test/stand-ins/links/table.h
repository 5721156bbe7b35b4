// Datalinks of a stand-in system: a file for each below `system/links`, named by its id, shared by all who run on the
// root.
//   system/links/ID      `NAME=VALUE` lines: name, class, zone, over, mac, mac-type, vid, peer, flags, `property.NAME`
#pragma once

#include <libdladm.h>

#include <map>
#include <string>
#include <vector>

namespace standin {

struct LinkEntry {
  datalink_id_t id = 0;
  std::string name;
  datalink_class_t class_ = DATALINK_CLASS_PHYS;
  // Empty: the global zone's.
  std::string zone;
  datalink_id_t over = 0;
  std::vector<uchar_t> mac;
  int mac_type = VNIC_MAC_ADDR_TYPE_UNKNOWN;
  uint16_t vid = 0;
  datalink_id_t peer = 0;
  // DLADM_OPT_ACTIVE, _PERSIST, _TRANSIENT.
  uint32_t flags = DLADM_OPT_ACTIVE;
  // Only those that were set.
  std::map<std::string, std::vector<std::string>> properties;
};

// All changes are made while one of these exists.
class LinkTable {
 public:
  // `root` stands for `/`.
  explicit LinkTable(std::string root);
  ~LinkTable();
  LinkTable(const LinkTable&) = delete;
  LinkTable& operator=(const LinkTable&) = delete;

  // In the order of their ids.
  std::vector<LinkEntry> All() const;
  // Null when there is none; valid until the table is asked again.
  const LinkEntry* Find(datalink_id_t id);
  const LinkEntry* Find(const std::string& zone, const std::string& name);
  // Gives an entry without id the next one. Returns the id.
  datalink_id_t Save(LinkEntry entry);
  void Remove(datalink_id_t id);

 private:
  std::string folder_;
  int lock_;
  LinkEntry found_;
};

}  // namespace standin
