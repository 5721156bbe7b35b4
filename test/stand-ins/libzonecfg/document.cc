// Handles and their documents: loading, checking against the DTD, saving.
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/valid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "stand_in.h"

using standin::ConfigPath;
using standin::Xml;

namespace standin {
namespace {

constexpr const char* kPublicId = "-//Sun Microsystems Inc//DTD Zones//EN";
constexpr const char* kOtherPublicId = "-//Joyent Inc//DTD Zones//EN";
constexpr const char* kSystemId = "file:///usr/share/lib/xml/dtd/zonecfg.dtd.1";

constexpr const char* kDtd = R"(
<!ELEMENT zone (filesystem | inherited-pkg-dir | network | device | deleted-device | rctl | attr | dataset | package |
  patch | dev-perm | tmp_pool | pset | mcap | admin | security-flags)*>
<!ATTLIST zone name CDATA #REQUIRED zonepath CDATA #REQUIRED autoboot (true | false) #REQUIRED ip-type CDATA ""
  hostid CDATA "" pool CDATA "" limitpriv CDATA "" bootargs CDATA "" brand CDATA "" debugid CDATA ""
  scheduling-class CDATA "" fs-allowed CDATA "" version NMTOKEN #FIXED "1">
<!ELEMENT filesystem (fsoption*)>
<!ATTLIST filesystem special CDATA #REQUIRED directory CDATA #REQUIRED type CDATA #REQUIRED raw CDATA "">
<!ELEMENT fsoption EMPTY>
<!ATTLIST fsoption name CDATA #REQUIRED>
<!ELEMENT inherited-pkg-dir EMPTY>
<!ATTLIST inherited-pkg-dir directory CDATA #REQUIRED>
<!ELEMENT network (net-attr*)>
<!ATTLIST network address CDATA "" allowed-address CDATA "" defrouter CDATA "" physical CDATA #REQUIRED
  mac-addr CDATA "" vlan-id CDATA "" global-nic CDATA "">
<!ELEMENT net-attr EMPTY>
<!ATTLIST net-attr name CDATA #REQUIRED value CDATA #REQUIRED>
<!ELEMENT device (net-attr*)>
<!ATTLIST device match CDATA #REQUIRED>
<!ELEMENT deleted-device EMPTY>
<!ATTLIST deleted-device match CDATA #REQUIRED>
<!ELEMENT rctl (rctl-value*)>
<!ATTLIST rctl name CDATA #REQUIRED>
<!ELEMENT rctl-value EMPTY>
<!ATTLIST rctl-value priv CDATA #REQUIRED limit CDATA #REQUIRED action CDATA #REQUIRED>
<!ELEMENT attr EMPTY>
<!ATTLIST attr name CDATA #REQUIRED type (boolean | int | string | uint) #REQUIRED value CDATA #REQUIRED>
<!ELEMENT dataset EMPTY>
<!ATTLIST dataset name CDATA #REQUIRED>
<!ELEMENT pset EMPTY>
<!ATTLIST pset ncpu_min CDATA #REQUIRED ncpu_max CDATA #REQUIRED>
<!ELEMENT tmp_pool EMPTY>
<!ATTLIST tmp_pool importance CDATA #REQUIRED>
<!ELEMENT mcap EMPTY>
<!ATTLIST mcap physcap CDATA #REQUIRED>
<!ELEMENT admin EMPTY>
<!ATTLIST admin user CDATA #REQUIRED auths CDATA #REQUIRED>
<!ELEMENT security-flags EMPTY>
<!ATTLIST security-flags default CDATA "" lower CDATA "" upper CDATA "">
<!ELEMENT package EMPTY>
<!ATTLIST package name CDATA #REQUIRED version CDATA #REQUIRED>
<!ELEMENT patch (obsoletes | incompatible)*>
<!ATTLIST patch id CDATA #REQUIRED>
<!ELEMENT obsoletes EMPTY>
<!ATTLIST obsoletes id CDATA #REQUIRED>
<!ELEMENT incompatible EMPTY>
<!ATTLIST incompatible id CDATA #REQUIRED>
<!ELEMENT dev-perm EMPTY>
<!ATTLIST dev-perm name CDATA #REQUIRED uid CDATA #REQUIRED gid CDATA #REQUIRED mode CDATA #REQUIRED acl CDATA #REQUIRED>
)";

void IgnoreMessage(void*, const char*, ...) {}

bool Is(const xmlChar* text, const char* wanted) { return text != nullptr && std::strcmp(Text(text), wanted) == 0; }

// Gives a document its DTD while it is read, as what is blank in it depends on that; found by the system id only.
void AttachKnownDtd(void* context, const xmlChar*, const xmlChar*, const xmlChar* system_id) {
  xmlDocPtr doc = static_cast<xmlParserCtxtPtr>(context)->myDoc;
  if (doc != nullptr && doc->extSubset == nullptr && Is(system_id, kSystemId)) AttachDtd(doc, kDtd);
}

// Whether the document names our DTD, by public id first, and holds to it.
bool IsValid(xmlDocPtr doc) {
  Silence();
  const xmlDtdPtr internal = xmlGetIntSubset(doc);
  if (internal == nullptr) return false;
  if (doc->extSubset == nullptr) {
    if (!Is(internal->ExternalID, kPublicId) && !Is(internal->ExternalID, kOtherPublicId)) return false;
    AttachDtd(doc, kDtd);
  }
  xmlValidCtxt context = {};
  context.error = IgnoreMessage;
  context.warning = IgnoreMessage;
  return xmlValidateDocument(&context, doc) == 1;
}

// Removes the comments outside the root element.
void StripComments(xmlDocPtr doc) {
  for (xmlNodePtr node = doc->children; node != nullptr;) {
    const xmlNodePtr next = node->next;
    if (node->type == XML_COMMENT_NODE) {
      xmlUnlinkNode(node);
      xmlFreeNode(node);
    }
    node = next;
  }
}

// Puts a comment before the root element, once a call on resources has made that known.
void AddComment(zone_dochandle_t handle, const char* text) {
  if (handle->top == nullptr) return;
  const xmlNodePtr node = xmlNewComment(Xml(text));
  if (xmlAddPrevSibling(handle->top, node) == nullptr) xmlFreeNode(node);
}

void ReplaceDocumentType(xmlDocPtr doc) {
  if (const xmlDtdPtr old = xmlGetIntSubset(doc); old != nullptr) {
    xmlUnlinkNode(reinterpret_cast<xmlNodePtr>(old));
    xmlFreeDtd(old);
  }
  xmlCreateIntSubset(doc, Xml("zone"), Xml(kPublicId), Xml(kSystemId));
}

void Forget(zone_dochandle_t handle) {
  if (handle->doc != nullptr) xmlFreeDoc(handle->doc);
  handle->doc = nullptr;
  handle->top = nullptr;
  handle->cur = nullptr;
}

int Load(zone_dochandle_t handle, const std::string& path, int when_missing) {
  if (handle == nullptr) return Z_INVAL;
  Silence();
  Forget(handle);
  handle->doc = ReadDocument(path, AttachKnownDtd);
  if (handle->doc == nullptr) {
    struct stat status;
    return ::stat(path.c_str(), &status) != 0 && errno == ENOENT ? when_missing : Z_INVALID_DOCUMENT;
  }
  if (!IsValid(handle->doc)) return Z_INVALID_DOCUMENT;
  StripComments(handle->doc);
  return Z_OK;
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// An empty file with a name of its own beside `path`; empty when that cannot be made.
std::string TemporaryBeside(const std::string& path) {
  std::string name = FolderOf(path) + "/zonecfg.XXXXXX";
  std::vector<char> buffer(name.begin(), name.end());
  buffer.push_back('\0');
  const int fd = ::mkstemp(buffer.data());
  if (fd < 0) return {};
  ::close(fd);
  return buffer.data();
}

// Index entry after a save.
int RefreshIndex(zone_dochandle_t handle) {
  struct zoneent entry = {};
  char name[ZONENAME_MAX];
  int error = zonecfg_get_name(handle, name, sizeof name);
  if (error == Z_OK) error = zonecfg_get_zonepath(handle, entry.zone_path, sizeof entry.zone_path);
  if (error == Z_OK) error = zonecfg_get_brand(handle, entry.zone_brand, sizeof entry.zone_brand);
  if (error == Z_OK) error = zonecfg_get_iptype(handle, &entry.zone_iptype);
  if (error != Z_OK) return Z_UPDATING_INDEX;
  entry.zone_did = zonecfg_get_did(handle);
  if (!handle->delete_name.empty()) {
    entry.zone_state = -1;
    Copy(entry.zone_name, sizeof entry.zone_name, handle->delete_name);
    Copy(entry.zone_newname, sizeof entry.zone_newname, name);
    return ChangeIndex(entry, IndexChange::kModify);
  }
  Copy(entry.zone_name, sizeof entry.zone_name, name);
  entry.zone_state = handle->is_new ? ZONE_STATE_CONFIGURED : -1;
  return ChangeIndex(entry, handle->is_new ? IndexChange::kAdd : IndexChange::kModify);
}

// Checks and writes the document to a file beside `path`; its name is in `temporary`. Ends the process when the
// document is not valid, leaving that file.
int WriteTemporary(zone_dochandle_t handle, const std::string& path, std::string* temporary) {
  *temporary = TemporaryBeside(path);
  if (temporary->empty()) return Z_TEMP_FILE;
  if (!IsValid(handle->doc)) std::abort();
  ReplaceDocumentType(handle->doc);
  if (xmlSaveFormatFile(temporary->c_str(), handle->doc, 1) <= 0) {
    ::unlink(temporary->c_str());
    return Z_SAVING_FILE;
  }
  ::chmod(temporary->c_str(), 0644);
  return Z_OK;
}

int SaveTo(zone_dochandle_t handle, const std::string& path) {
  std::string temporary;
  if (const int error = WriteTemporary(handle, path, &temporary); error != Z_OK) return error;
  std::string backup;
  if (!handle->is_new && handle->delete_name.empty()) {
    backup = TemporaryBeside(path);
    if (backup.empty() || ::rename(path.c_str(), backup.c_str()) != 0) {
      ::unlink(backup.c_str());
      ::unlink(temporary.c_str());
      return Z_MISC_FS;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    return Z_MISC_FS;
  }
  if (RefreshIndex(handle) != Z_OK) {
    if (!backup.empty()) ::rename(backup.c_str(), path.c_str());
    return Z_UPDATING_INDEX;
  }
  if (!backup.empty()) ::unlink(backup.c_str());
  return Z_OK;
}

}  // namespace

void Silence() { xmlSetGenericErrorFunc(nullptr, IgnoreMessage); }

xmlDocPtr ReadDocument(const std::string& path, DtdCallback attach) {
  Silence();
  const xmlParserCtxtPtr context = xmlNewParserCtxt();
  context->sax->externalSubset = attach;
  const xmlDocPtr doc = xmlCtxtReadFile(context, path.c_str(), nullptr,
                                        XML_PARSE_NOBLANKS | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
  xmlFreeParserCtxt(context);
  return doc;
}

void AttachDtd(xmlDocPtr doc, const char* dtd) {
  xmlParserInputBufferPtr input =
      xmlParserInputBufferCreateMem(dtd, static_cast<int>(std::strlen(dtd)), XML_CHAR_ENCODING_NONE);
  doc->extSubset = xmlIOParseDTD(nullptr, input, XML_CHAR_ENCODING_NONE);
  if (doc->extSubset == nullptr) std::abort();
  xmlSetTreeDoc(reinterpret_cast<xmlNodePtr>(doc->extSubset), doc);
}

bool Copy(char* to, size_t size, const std::string& from) {
  if (size == 0) return from.empty();
  const size_t length = std::min(from.size(), size - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
  return length == from.size();
}

int Fetch(xmlNodePtr node, const char* name, char* buffer, size_t size) {
  xmlChar* value = xmlGetProp(node, Xml(name));
  if (value == nullptr) return Z_BAD_PROPERTY;
  const bool fits = Copy(buffer, size, Text(value));
  xmlFree(value);
  return fits ? Z_OK : Z_TOO_BIG;
}

std::string Stored(xmlNodePtr node, const char* name) {
  xmlChar* value = xmlGetProp(node, Xml(name));
  if (value == nullptr) return {};
  const std::string text = Text(value);
  xmlFree(value);
  return text;
}

int GetRoot(zone_dochandle_t handle, xmlNodePtr* root) {
  *root = handle->doc == nullptr ? nullptr : xmlDocGetRootElement(handle->doc);
  if (*root == nullptr) return Z_EMPTY_DOCUMENT;
  return Is((*root)->name, "zone") ? Z_OK : Z_WRONG_DOC_TYPE;
}

int GetRootAttribute(zone_dochandle_t handle, const char* name, char* buffer, size_t size) {
  if (const int error = zonecfg_check_handle(handle); error != Z_OK) return error;
  xmlNodePtr root;
  if (const int error = GetRoot(handle, &root); error != Z_OK) return error;
  return Fetch(root, name, buffer, size);
}

int SetRootAttribute(zone_dochandle_t handle, const char* name, const char* value) {
  if (const int error = zonecfg_check_handle(handle); error != Z_OK) return error;
  xmlNodePtr root;
  if (const int error = GetRoot(handle, &root); error != Z_OK) return error;
  Silence();
  if (value == nullptr) {
    xmlUnsetProp(root, Xml(name));
    return Z_OK;
  }
  return xmlSetProp(root, Xml(name), Xml(value)) == nullptr ? Z_INVAL : Z_OK;
}

int Prepare(zone_dochandle_t handle) {
  if (const int error = zonecfg_check_handle(handle); error != Z_OK) return error;
  xmlNodePtr root;
  if (const int error = GetRoot(handle, &root); error != Z_OK) return error;
  Silence();
  handle->top = root;
  handle->cur = root;
  return Z_OK;
}

}  // namespace standin

using namespace standin;

zone_dochandle_t zonecfg_init_handle(void) {
  // A code of its own in errno.
  if (Refused(__func__)) return nullptr;
  return new zone_dochandle;
}

void zonecfg_fini_handle(zone_dochandle_t handle) {
  if (handle == nullptr) return;
  Forget(handle);
  delete handle;
}

int zonecfg_check_handle(zone_dochandle_t handle) {
  return handle == nullptr || handle->doc == nullptr ? Z_BAD_HANDLE : Z_OK;
}

int zonecfg_get_handle(const char* name, zone_dochandle_t handle) {
  if (name == nullptr) return Z_INVAL;
  return Load(handle, ConfigPath(name), Z_NO_ZONE);
}

int zonecfg_get_snapshot_handle(const char* name, zone_dochandle_t handle) {
  if (name == nullptr) return Z_INVAL;
  const int error = Load(handle, RunPath(std::string(name) + ".snapshot.xml"), Z_NO_ZONE);
  if (error == Z_OK) handle->is_snapshot = true;
  return error;
}

int zonecfg_get_template_handle(const char* from, const char* name, zone_dochandle_t handle) {
  if (from == nullptr || name == nullptr) return Z_INVAL;
  if (const int error = Load(handle, ConfigPath(from), Z_NO_ZONE); error != Z_OK) return error;
  handle->is_new = true;
  return SetRootAttribute(handle, "name", name);
}

int zonecfg_get_xml_handle(const char* path, zone_dochandle_t handle) {
  if (path == nullptr) return Z_INVAL;
  const int error = Load(handle, Root() + path, Z_MISC_FS);
  if (error == Z_OK) handle->is_new = true;
  return error;
}

int zonecfg_get_attach_handle(const char* path, const char* file, const char* name, boolean_t keep_software,
                              zone_dochandle_t handle) {
  if (path == nullptr || file == nullptr || name == nullptr) return Z_INVAL;
  struct stat status;
  if (::stat((Root() + path + "/root").c_str(), &status) != 0) return errno == ENOENT ? Z_NO_ZONE : Z_MISC_FS;
  if (!S_ISDIR(status.st_mode)) return Z_MISC_FS;
  if (const int error = Load(handle, Root() + path + "/" + file, Z_NO_ZONE); error != Z_OK) return error;
  handle->is_new = true;
  if (keep_software == B_FALSE) {
    xmlNodePtr root = xmlDocGetRootElement(handle->doc);
    for (xmlNodePtr node = root->children; node != nullptr;) {
      const xmlNodePtr next = node->next;
      if (Is(node->name, "package") || Is(node->name, "patch")) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
      }
      node = next;
    }
  }
  if (const int error = SetRootAttribute(handle, "zonepath", path); error != Z_OK) return error;
  return SetRootAttribute(handle, "name", name);
}

int zonecfg_save(zone_dochandle_t handle) {
  if (const auto refused = Refused(__func__)) return *refused;
  if (zonecfg_check_handle(handle) != Z_OK) return Z_BAD_HANDLE;
  if (handle->is_snapshot) return Z_INVAL;
  char name[ZONENAME_MAX];
  if (const int error = zonecfg_get_name(handle, name, sizeof name); error != Z_OK) return error;
  Silence();
  AddComment(handle, "\n    DO NOT EDIT THIS FILE.  Use zonecfg(1M) instead.\n");
  // The users of the zone are granted their authorisations here, which is a call on resources.
  Prepare(handle);
  const int error = SaveTo(handle, ConfigPath(name));
  StripComments(handle->doc);
  if (error != Z_OK) return error;
  handle->is_new = false;
  if (!handle->delete_name.empty()) {
    ::unlink(ConfigPath(handle->delete_name).c_str());
    handle->delete_name.clear();
  }
  return Z_OK;
}

int zonecfg_verify_save(zone_dochandle_t handle, char* path) {
  if (zonecfg_check_handle(handle) != Z_OK) return Z_BAD_HANDLE;
  Silence();
  if (!IsValid(handle->doc)) std::abort();
  return xmlSaveFormatFile((Root() + path).c_str(), handle->doc, 1) <= 0 ? Z_SAVING_FILE : Z_OK;
}

int zonecfg_detach_save(zone_dochandle_t handle, uint_t flags) {
  if (zonecfg_check_handle(handle) != Z_OK) return Z_BAD_HANDLE;
  if (handle->is_snapshot) return Z_INVAL;
  char zonepath[kMaxPath];
  if (const int error = zonecfg_get_zonepath(handle, zonepath, sizeof zonepath); error != Z_OK) return error;
  Silence();
  AddComment(handle, "\n    DO NOT EDIT THIS FILE.  Use zonecfg(1M) and zoneadm(1M) attach.\n");
  const std::string path = Root() + zonepath + "/" ZONE_DETACHED;
  std::string temporary;
  int error = WriteTemporary(handle, path, &temporary);
  if (error == Z_OK && (flags & ZONE_DRY_RUN) != 0) {
    ::unlink(temporary.c_str());
  } else if (error == Z_OK && ::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    error = Z_SAVING_FILE;
  }
  StripComments(handle->doc);
  return error;
}

boolean_t zonecfg_detached(const char* zonepath) {
  struct stat status;
  return ::stat((Root() + zonepath + "/" ZONE_DETACHED).c_str(), &status) == 0 ? B_TRUE : B_FALSE;
}

void zonecfg_rm_detached(zone_dochandle_t handle, boolean_t) {
  char zonepath[kMaxPath];
  if (zonecfg_get_zonepath(handle, zonepath, sizeof zonepath) != Z_OK) return;
  ::unlink((Root() + zonepath + "/" ZONE_DETACHED).c_str());
}

int zonecfg_create_snapshot(const char* name) {
  MakeRunFolder();
  const zone_dochandle_t handle = zonecfg_init_handle();
  char zonepath[kMaxPath];
  int error = zonecfg_get_handle(name, handle);
  if (error == Z_OK) error = Prepare(handle);
  if (error == Z_OK) error = zonecfg_get_zonepath(handle, zonepath, sizeof zonepath);
  if (error == Z_OK) {
    const std::string root = Root();
    char* resolved = ::realpath((root + zonepath).c_str(), nullptr);
    const std::string path = resolved == nullptr ? "" : resolved;
    std::free(resolved);
    if (path.compare(0, root.size(), root) != 0) {
      error = Z_RESOLVED_PATH;
    } else {
      SetRootAttribute(handle, "zonepath", path.substr(root.size()).c_str());
      AddComment(handle, "\n    DO NOT EDIT THIS FILE.  It is a snapshot of running zone state.\n");
      ReplaceDocumentType(handle->doc);
      const std::string to = RunPath(std::string(name) + ".snapshot.xml");
      if (xmlSaveFormatFile(to.c_str(), handle->doc, 1) < 0) error = Z_SAVING_FILE;
    }
  }
  zonecfg_fini_handle(handle);
  return error;
}

int zonecfg_destroy_snapshot(const char* name) {
  if (::unlink(RunPath(std::string(name) + ".snapshot.xml").c_str()) == 0 || errno == ENOENT) return Z_OK;
  return Z_MISC_FS;
}

int zonecfg_access(const char* name, int mode) {
  std::string path = ConfigPath(name);
  if (::access(path.c_str(), mode) == 0) return Z_OK;
  if (errno == ENOENT && ::access(FolderOf(path).c_str(), mode) == 0) return Z_OK;
  return errno == EACCES ? Z_ACCES : errno == EINVAL ? Z_INVAL : Z_MISC_FS;
}
