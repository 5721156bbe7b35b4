// libbrand: what the definitions of a brand say, config.xml and platform.xml.
#include <libxml/parser.h>
#include <libxml/valid.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "stand_in.h"

using namespace standin;

struct __brand_handle {
  std::string name;
  xmlDocPtr config = nullptr;
  xmlDocPtr platform = nullptr;
};

namespace {

constexpr const char* const kConfigDtd = R"(
<!ELEMENT brand (modname?, initname, restartinit?, login_cmd, forcedlogin_cmd, user_cmd, install, installopts?, boot?,
  sysboot?, halt?, shutdown?, verify_cfg?, verify_adm?, postattach?, postclone?, postinstall?, predetach?, attach?,
  detach?, clone?, presnap?, postsnap?, validatesnap?, preuninstall?, uninstall?, prestatechange?, poststatechange?,
  query?, privilege+)>
<!ATTLIST brand name CDATA #REQUIRED>
<!ELEMENT modname (#PCDATA)> <!ELEMENT initname (#PCDATA)> <!ELEMENT restartinit (#PCDATA)>
<!ELEMENT login_cmd (#PCDATA)> <!ELEMENT forcedlogin_cmd (#PCDATA)> <!ELEMENT user_cmd (#PCDATA)>
<!ELEMENT install (#PCDATA)> <!ELEMENT installopts (#PCDATA)> <!ELEMENT boot (#PCDATA)> <!ELEMENT sysboot (#PCDATA)>
<!ELEMENT halt (#PCDATA)> <!ELEMENT shutdown (#PCDATA)> <!ELEMENT verify_cfg (#PCDATA)> <!ELEMENT verify_adm (#PCDATA)>
<!ELEMENT postattach (#PCDATA)> <!ELEMENT postclone (#PCDATA)> <!ELEMENT postinstall (#PCDATA)>
<!ELEMENT predetach (#PCDATA)> <!ELEMENT attach (#PCDATA)> <!ELEMENT detach (#PCDATA)> <!ELEMENT clone (#PCDATA)>
<!ELEMENT presnap (#PCDATA)> <!ELEMENT postsnap (#PCDATA)> <!ELEMENT validatesnap (#PCDATA)>
<!ELEMENT preuninstall (#PCDATA)> <!ELEMENT uninstall (#PCDATA)> <!ELEMENT prestatechange (#PCDATA)>
<!ELEMENT poststatechange (#PCDATA)> <!ELEMENT query (#PCDATA)>
<!ELEMENT privilege EMPTY>
<!ATTLIST privilege set (default | prohibited | required) #REQUIRED name CDATA #REQUIRED
  ip-type (shared | exclusive | all) "all">
)";

constexpr const char* const kPlatformDtd = R"(
<!ELEMENT platform (mount | global_mount | device | symlink)*>
<!ATTLIST platform name CDATA #REQUIRED allow-exclusive-ip (true | false) #REQUIRED>
<!ELEMENT mount EMPTY>
<!ATTLIST mount special CDATA #REQUIRED directory CDATA #REQUIRED type CDATA #REQUIRED opt CDATA "">
<!ELEMENT global_mount EMPTY>
<!ATTLIST global_mount special CDATA #REQUIRED directory CDATA #REQUIRED type CDATA #REQUIRED opt CDATA "">
<!ELEMENT device EMPTY>
<!ATTLIST device match CDATA #REQUIRED name CDATA "" arch CDATA "" ip-type (shared | exclusive | all) "all">
<!ELEMENT symlink EMPTY>
<!ATTLIST symlink source CDATA #REQUIRED target CDATA #REQUIRED>
)";

void IgnoreMessage(void*, const char*, ...) {}

template <const char* const& dtd>
void Attach(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
  xmlDocPtr doc = static_cast<xmlParserCtxtPtr>(context)->myDoc;
  if (doc != nullptr && doc->extSubset == nullptr) AttachDtd(doc, dtd);
}

// Null unless the file is there, names a DTD and holds to `dtd`.
template <const char* const& dtd>
xmlDocPtr Read(const std::string& path) {
  xmlDocPtr doc = ReadDocument(path, Attach<dtd>);
  if (doc == nullptr) return nullptr;
  xmlValidCtxt context = {};
  context.error = IgnoreMessage;
  context.warning = IgnoreMessage;
  if (doc->extSubset != nullptr && xmlValidateDocument(&context, doc) == 1) return doc;
  xmlFreeDoc(doc);
  return nullptr;
}

bool IsNamed(xmlNodePtr node, const char* name) {
  return node->type == XML_ELEMENT_NODE && std::strcmp(Text(node->name), name) == 0;
}

std::string ContentOf(xmlDocPtr doc, const char* element) {
  for (xmlNodePtr node = xmlDocGetRootElement(doc)->children; node != nullptr; node = node->next) {
    if (!IsNamed(node, element)) continue;
    xmlChar* content = xmlNodeGetContent(node);
    const std::string text = Text(content);
    xmlFree(content);
    return text;
  }
  return {};
}

// What stands for `%z`, `%R`, `%u` and `%Z` in one place; others vanish.
struct Tokens {
  std::string zone, zonepath, user, current;
};

std::string Substitute(const std::string& text, const Tokens& tokens) {
  static const std::string pool = [] {
    const char* value = std::getenv("_ZONEADMD_ZPOOL");
    return std::string(value == nullptr ? "" : value);
  }();
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%' || at + 1 == text.size()) {
      result += text[at];
      continue;
    }
    switch (text[++at]) {
      case '%':
        result += '%';
        break;
      case 'z':
        result += tokens.zone;
        break;
      case 'R':
        result += tokens.zonepath;
        break;
      case 'u':
        result += tokens.user;
        break;
      case 'Z':
        result += tokens.current;
        break;
      case 'P':
        result += pool;
        break;
      default:
        break;
    }
  }
  return result;
}

int Give(const std::string& text, char* buffer, size_t size) {
  if (text.size() >= size) return -1;
  Copy(buffer, size, text);
  return 0;
}

int Optional(brand_handle_t brand, const char* element, const Tokens& tokens, char* buffer, size_t size) {
  return Give(Substitute(ContentOf(brand->config, element), tokens), buffer, size);
}

int Mandatory(brand_handle_t brand, const char* element, const Tokens& tokens, char* buffer, size_t size) {
  return ContentOf(brand->config, element).empty() ? -1 : Optional(brand, element, tokens, buffer, size);
}

// Calls `each` for the elements named `name` until it returns something else than 0.
int Each(xmlDocPtr doc, const char* name, const std::function<int(xmlNodePtr)>& each) {
  for (xmlNodePtr node = xmlDocGetRootElement(doc)->children; node != nullptr; node = node->next) {
    if (IsNamed(node, name) && each(node) != 0) return -1;
  }
  return 0;
}

const char* OrNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

using MountCallback = int (*)(void*, const char*, const char*, const char*, const char*);

int EachMount(brand_handle_t brand, const char* element, const Tokens& tokens, MountCallback callback, void* data) {
  return Each(brand->platform, element, [&](xmlNodePtr node) {
    const std::string special = Substitute(Stored(node, "special"), tokens);
    const std::string directory = Substitute(Stored(node, "directory"), tokens);
    const std::string options = Substitute(Stored(node, "opt"), tokens);
    return callback(data, special.c_str(), directory.c_str(), Stored(node, "type").c_str(), OrNull(options));
  });
}

}  // namespace

brand_handle_t brand_open(const char* name) {
  if (std::strlen(name) >= 256) return nullptr;
  const std::string folder = Root() + "/usr/lib/brand/" + name;
  auto* brand = new __brand_handle;
  brand->name = name;
  brand->config = Read<kConfigDtd>(folder + "/config.xml");
  brand->platform = Read<kPlatformDtd>(folder + "/platform.xml");
  if (brand->config != nullptr && brand->platform != nullptr &&
      Stored(xmlDocGetRootElement(brand->config), "name") == name &&
      Stored(xmlDocGetRootElement(brand->platform), "name") == name) {
    return brand;
  }
  brand_close(brand);
  return nullptr;
}

void brand_close(brand_handle_t brand) {
  if (brand->config != nullptr) xmlFreeDoc(brand->config);
  if (brand->platform != nullptr) xmlFreeDoc(brand->platform);
  delete brand;
}

int brand_get_brandname(brand_handle_t brand, char* buffer, size_t size) { return Give(brand->name, buffer, size); }

int brand_get_initname(brand_handle_t brand, char* buffer, size_t size) {
  return Mandatory(brand, "initname", {}, buffer, size);
}

int brand_get_modname(brand_handle_t brand, char* buffer, size_t size) {
  return Optional(brand, "modname", {}, buffer, size);
}

int brand_get_installopts(brand_handle_t brand, char* buffer, size_t size) {
  return Optional(brand, "installopts", {}, buffer, size);
}

int brand_get_verify_cfg(brand_handle_t brand, char* buffer, size_t size) {
  return Optional(brand, "verify_cfg", {}, buffer, size);
}

int brand_get_login_cmd(brand_handle_t brand, const char* user, char* buffer, size_t size) {
  return Mandatory(brand, "login_cmd", {"", "", user, GLOBAL_ZONENAME}, buffer, size);
}

int brand_get_forcedlogin_cmd(brand_handle_t brand, const char* user, char* buffer, size_t size) {
  return Mandatory(brand, "forcedlogin_cmd", {"", "", user, GLOBAL_ZONENAME}, buffer, size);
}

int brand_get_user_cmd(brand_handle_t brand, const char* user, char* buffer, size_t size) {
  return Mandatory(brand, "user_cmd", {"", "", user, ""}, buffer, size);
}

int brand_get_install(brand_handle_t brand, const char* zone, const char* zonepath, char* buffer, size_t size) {
  return Mandatory(brand, "install", {zone, zonepath, "", ""}, buffer, size);
}

#define HOOK(name)                                                                                                \
  int brand_get_##name(brand_handle_t brand, const char* zone, const char* zonepath, char* buffer, size_t size) { \
    return Optional(brand, #name, {zone, zonepath, "", ""}, buffer, size);                                        \
  }
HOOK(postinstall)
HOOK(uninstall)
HOOK(preuninstall)
HOOK(attach)
HOOK(postattach)
HOOK(detach)
HOOK(predetach)
HOOK(boot)
HOOK(halt)
HOOK(shutdown)
HOOK(sysboot)
HOOK(verify_adm)
HOOK(prestatechange)
HOOK(poststatechange)
HOOK(query)
HOOK(clone)
HOOK(postclone)
HOOK(presnap)
HOOK(postsnap)
HOOK(validatesnap)
#undef HOOK

boolean_t brand_restartinit(brand_handle_t brand) {
  return ContentOf(brand->config, "restartinit") == "false" ? B_FALSE : B_TRUE;
}

boolean_t brand_allow_exclusive_ip(brand_handle_t brand) {
  return Stored(xmlDocGetRootElement(brand->platform), "allow-exclusive-ip") == "false" ? B_FALSE : B_TRUE;
}

int brand_config_iter_privilege(brand_handle_t brand, int (*callback)(void*, priv_iter_t*), void* data) {
  return Each(brand->config, "privilege", [&](xmlNodePtr node) {
    const std::string name = Stored(node, "name");
    const std::string set = Stored(node, "set");
    const std::string type = Stored(node, "ip-type");
    priv_iter_t privilege = {name.c_str(), set.c_str(), type.c_str()};
    return callback(data, &privilege);
  });
}

int brand_platform_iter_gmounts(brand_handle_t brand, const char* zone, const char* zonepath, MountCallback callback,
                                void* data) {
  return EachMount(brand, "global_mount", {zone, zonepath, "", ""}, callback, data);
}

int brand_platform_iter_mounts(brand_handle_t brand, MountCallback callback, void* data) {
  return EachMount(brand, "mount", {}, callback, data);
}

int brand_platform_iter_link(brand_handle_t brand, int (*callback)(void*, const char*, const char*), void* data) {
  return Each(brand->platform, "symlink", [&](xmlNodePtr node) {
    return callback(data, Stored(node, "source").c_str(), Stored(node, "target").c_str());
  });
}

int brand_platform_iter_devices(brand_handle_t brand, const char* zone,
                                int (*callback)(void*, const char*, const char*), void* data, const char* type) {
  return Each(brand->platform, "device", [&](xmlNodePtr node) {
    const std::string arch = Stored(node, "arch");
    const std::string wanted = Stored(node, "ip-type");
    if ((!arch.empty() && arch != "i386") || (wanted != "all" && wanted != type)) return 0;
    const std::string match = Substitute(Stored(node, "match"), {zone, "", "", ""});
    const std::string name = Substitute(Stored(node, "name"), {zone, "", "", ""});
    return callback(data, match.c_str(), OrNull(name));
  });
}
