// A stand-in for libzonecfg, libbrand and the zone calls of illumos, by their documented behaviour, oddities included.
// All state is in files below the folder that the environment variable SMARTADM_STAND_IN_ROOT names:
//   etc/zones/           configurations, index and did.txt, as on illumos
//   var/run/zones/       locks, snapshots, doors
//   usr/lib/brand/       brand definitions
//   system/zones/NAME    a zone that the kernel knows: `ID STATUS UNIQID INIT BOOTED`, the pid of a process that stands
//   for its
//                        init (0: a test pretends) and the time since the epoch
//   system/links/        datalinks, see links/table.h
//   system/events        state events, one a line: zone, old state, new state, split by tabs
// What would end the real library's process by an assertion or a bad access ends this one in the same way.
#pragma once

#include <libxml/tree.h>
#include <libzonecfg.h>

#include <optional>
#include <string>

struct lifreq;

struct zone_dochandle {
  xmlDocPtr doc = nullptr;
  // Where resources are added, and how far an iteration has come; null until the first call on resources.
  xmlNodePtr top = nullptr;
  xmlNodePtr cur = nullptr;
  bool is_new = false;
  bool is_snapshot = false;
  // The name that a rename is leaving.
  std::string delete_name;
};

namespace standin {

constexpr size_t kMaxPath = 1024;
constexpr const char* kDefaultTemplate = "SUNWdefault";

// The folder that stands for `/`. Without one the process ends: nothing may reach the files of this system.
std::string Root();
std::string ConfigPath(const std::string& zone);
std::string RunPath(const std::string& name);
void MakeRunFolder();

inline const xmlChar* Xml(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
inline const char* Text(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

// strlcpy; false when it was cut.
bool Copy(char* to, size_t size, const std::string& from);

// Reads an attribute of `node`, defaults of the DTD included: Z_BAD_PROPERTY, Z_TOO_BIG.
int Fetch(xmlNodePtr node, const char* name, char* buffer, size_t size);
// The same without a limit; empty when absent.
std::string Stored(xmlNodePtr node, const char* name);

int GetRoot(zone_dochandle_t handle, xmlNodePtr* root);
int GetRootAttribute(zone_dochandle_t handle, const char* name, char* buffer, size_t size);
int SetRootAttribute(zone_dochandle_t handle, const char* name, const char* value);
// What every call on resources begins with.
int Prepare(zone_dochandle_t handle);

enum class IndexChange { kAdd, kModify, kRemove };
// `zone_state` below 0, an empty path, brand or new name, and a null UUID keep what the index has.
int ChangeIndex(const struct zoneent& entry, IndexChange change);

// The code that a test has asked this function to fail with, by a line `FUNCTION CODE [ERRNO]` in system/zones-refuse.
std::optional<int> Refused(const char* function);

void Publish(const std::string& zone, const std::string& before, const std::string& after);

bool ParseUuid(const std::string& text, uuid_t out);
std::string FormatUuid(const uuid_t uuid);

// libxml2 prints nothing on this thread from now on.
void Silence();

// Is called with the ids of a document's DTD, and may attach one.
using DtdCallback = void (*)(void* context, const xmlChar* root, const xmlChar* public_id, const xmlChar* system_id);
// Null when there is no such file or it is no XML.
xmlDocPtr ReadDocument(const std::string& path, DtdCallback attach);
void AttachDtd(xmlDocPtr doc, const char* dtd);

}  // namespace standin

// Exported by the real library, but not part of what our own declarations cover.
extern "C" {
int zonecfg_valid_net_address(char*, struct lifreq*);
boolean_t zonecfg_same_net_address(char*, char*);
int zonecfg_modify_secflags(zone_dochandle_t, struct zone_secflagstab*, struct zone_secflagstab*);

int brand_get_brandname(brand_handle_t, char*, size_t);
int brand_get_forcedlogin_cmd(brand_handle_t, const char*, char*, size_t);
int brand_get_clone(brand_handle_t, const char*, const char*, char*, size_t);
int brand_get_postclone(brand_handle_t, const char*, const char*, char*, size_t);
int brand_get_presnap(brand_handle_t, const char*, const char*, char*, size_t);
int brand_get_postsnap(brand_handle_t, const char*, const char*, char*, size_t);
int brand_get_validatesnap(brand_handle_t, const char*, const char*, char*, size_t);
typedef struct priv_iter {
  const char* pi_name;
  const char* pi_set;
  const char* pi_iptype;
} priv_iter_t;
int brand_config_iter_privilege(brand_handle_t, int (*)(void*, priv_iter_t*), void*);
int brand_platform_iter_gmounts(brand_handle_t, const char*, const char*,
                                int (*)(void*, const char*, const char*, const char*, const char*), void*);
int brand_platform_iter_mounts(brand_handle_t, int (*)(void*, const char*, const char*, const char*, const char*),
                               void*);
int brand_platform_iter_link(brand_handle_t, int (*)(void*, const char*, const char*), void*);
int brand_platform_iter_devices(brand_handle_t, const char*, int (*)(void*, const char*, const char*), void*,
                                const char*);
}
