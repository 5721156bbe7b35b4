// What zonecfg.node exports: zonecfg.h as functions, and handles for documents.
#include <climits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary/exports.h"
#include "illumos/zonecfg_bindings.h"
#include "illumos/zonecfg_values.h"

namespace smartadm::zonecfg {
namespace {

using Info = Napi::CallbackInfo;

Napi::Value ListZonesBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return zonecfg::List(); },
      [](Napi::Env env, const std::vector<IndexEntry>& list) {
        return smartadm::ToJs(env, list, [](Napi::Env e, const IndexEntry& entry) {
          Napi::Object object = Napi::Object::New(e);
          object.Set("name", entry.name);
          object.Set("state", entry.state);
          object.Set("zonepath", entry.zonepath);
          object.Set("uuid", smartadm::ToJs(e, entry.uuid));
          object.Set("brand", entry.brand);
          object.Set("ipType", entry.exclusive_ip ? "exclusive" : "shared");
          object.Set("debugId", smartadm::ToJs(e, entry.did));
          return object;
        });
      });
}

Napi::Value StateBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return StateOf(name); }, kOptionalTextToJs);
}

Napi::Value SetStateBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0]), state = ReadString(info[1], "state", 32)] { SetState(name, state); });
}

Napi::Value DestroyBinding(const Info& info) {
  return RunExclusively(info.Env(),
                        [name = ReadName(info[0]), force = ReadBoolean(info[1], "force")] { Destroy(name, force); });
}

Napi::Value UuidBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return UuidOf(name); }, kOptionalTextToJs);
}

Napi::Value SetUuidBinding(const Info& info) {
  return RunExclusively(info.Env(), [name = ReadName(info[0]), zonepath = ReadText(info[1], "zonepath"),
                                     uuid = ReadString(info[2], "uuid", 255)] { SetUuid(name, zonepath, uuid); });
}

Napi::Value NameOfUuidBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [uuid = ReadString(info[0], "uuid", 255)] { return NameOfUuid(uuid); }, kOptionalTextToJs);
}

Napi::Value ZonepathBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return ZonepathOf(name); }, kTextToJs);
}

Napi::Value BrandOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return BrandOf(name); }, kTextToJs);
}

Napi::Value DefaultBrandBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return DefaultBrand(); }, kTextToJs);
}

Napi::Value IsZoneNameBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadString(info[0], "name")] { return CheckName(name) == Z_OK; },
      [](Napi::Env env, bool good) { return smartadm::ToJs(env, good); });
}

Napi::Value ApplyRctlsBinding(const Info& info) {
  return RunExclusively(info.Env(), [name = ReadName(info[0])] { ApplyRctls(name); });
}

Napi::Value MountsUnderBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [path = ReadPath(info[0], "path")] { return MountsUnder(path); },
      [](Napi::Env env, int count) { return smartadm::ToJs(env, count); });
}

Napi::Value RunningIdsBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [] { return RunningIds(); },
      [](Napi::Env env, const std::vector<int32_t>& ids) {
        return smartadm::ToJs(env, ids, [](Napi::Env e, int32_t id) { return smartadm::ToJs(e, id); });
      });
}

int32_t ReadId(const Napi::Value& value) { return static_cast<int32_t>(ReadInteger(value, "id", 0, INT_MAX)); }

Napi::Value IdOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return IdOf(name); },
      [](Napi::Env env, std::optional<int32_t> id) { return smartadm::ToJs(env, id); });
}

Napi::Value NameOfBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return NameOf(id); }, kOptionalTextToJs);
}

Napi::Value RunningBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return Running(id); },
      [](Napi::Env env, const std::optional<RunningZone>& zone) -> Napi::Value {
        if (!zone) return env.Undefined();
        Napi::Object object = Napi::Object::New(env);
        object.Set("name", zone->name);
        object.Set("root", zone->root);
        object.Set("status", zone->status);
        object.Set("brand", zone->brand);
        object.Set("initName", zone->init_name);
        object.Set("bootargs", zone->bootargs);
        object.Set("schedulingClass", zone->scheduling_class);
        object.Set("fsAllowed", zone->fs_allowed);
        object.Set("uniqueId", IdToJs(env, zone->uniqid));
        object.Set("ipType", zone->exclusive_ip ? "exclusive" : "shared");
        object.Set("initPid", smartadm::ToJs(env, zone->init_pid));
        object.Set("hostid", smartadm::ToJs(env, zone->hostid));
        object.Set("debugId", smartadm::ToJs(env, zone->did));
        return object;
      });
}

Napi::Value DatalinksBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [id = ReadId(info[0])] { return DatalinksOf(id); },
      [](Napi::Env env, const std::vector<uint32_t>& links) {
        return smartadm::ToJs(env, links, [](Napi::Env e, uint32_t link) { return smartadm::ToJs(e, link); });
      });
}

Napi::Value BrandInfoBinding(const Info& info) {
  return RunExclusively(
      info.Env(),
      [brand = ReadString(info[0], "brand", 255), zone = ReadString(info[1], "zone", 255),
       zonepath = ReadText(info[2], "zonepath")] { return BrandInfo(brand, zone, zonepath); },
      [](Napi::Env env, const std::optional<Brand>& brand) -> Napi::Value {
        if (!brand) return env.Undefined();
        Napi::Object hooks = Napi::Object::New(env);
        for (const auto& [name, command] : brand->hooks) {
          if (command && !command->empty()) hooks.Set(name, *command);
        }
        Napi::Object object = Napi::Object::New(env);
        object.Set("initName", brand->init_name);
        object.Set("kernelModule", brand->kernel_module);
        object.Set("installOptions", brand->install_options);
        object.Set("verifyConfiguration", brand->verify_configuration);
        object.Set("restartInit", brand->restart_init);
        object.Set("allowExclusiveIp", brand->allow_exclusive_ip);
        object.Set("hooks", hooks);
        return object;
      });
}

Napi::Value PingZoneadmdBinding(const Info& info) {
  return RunExclusively(
      info.Env(), [name = ReadName(info[0])] { return PingZoneadmd(name); },
      [](Napi::Env env, bool answers) { return smartadm::ToJs(env, answers); });
}

zone_cmd_t ReadCommand(const Napi::Value& value) {
  static constexpr std::pair<std::string_view, zone_cmd_t> kCommands[] = {{"ready", Z_READY},
                                                                          {"boot", Z_BOOT},
                                                                          {"forceboot", Z_FORCEBOOT},
                                                                          {"reboot", Z_REBOOT},
                                                                          {"halt", Z_HALT},
                                                                          {"shutdown", Z_SHUTDOWN},
                                                                          {"note-uninstalling", Z_NOTE_UNINSTALLING}};
  const std::string name = ReadString(value, "command", 32);
  for (const auto& [known, command] : kCommands) {
    if (known == name) return command;
  }
  throw Napi::TypeError::New(value.Env(), "command is not one of zoneadmd's");
}

Napi::Value CallZoneadmdBinding(const Info& info) {
  return RunOnThread(
      info.Env(),
      [name = ReadName(info[0]), command = ReadCommand(info[1]), bootargs = ReadString(info[2], "bootargs", 1024),
       debug = ReadBoolean(info[3], "debug")] { return CallZoneadmd(name, command, bootargs, debug); },
      [](Napi::Env env, const std::optional<Answer>& answer) -> Napi::Value {
        if (!answer) return env.Undefined();
        Napi::Object object = Napi::Object::New(env);
        object.Set("result", smartadm::ToJs(env, answer->result));
        object.Set("messages", answer->messages);
        return object;
      });
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "open", OpenBinding);
  Export(exports, "list", ListZonesBinding);
  Export(exports, "state", StateBinding);
  Export(exports, "setState", SetStateBinding);
  Export(exports, "destroy", DestroyBinding);
  Export(exports, "uuid", UuidBinding);
  Export(exports, "setUuid", SetUuidBinding);
  Export(exports, "nameOfUuid", NameOfUuidBinding);
  Export(exports, "zonepath", ZonepathBinding);
  Export(exports, "brand", BrandOfBinding);
  Export(exports, "defaultBrand", DefaultBrandBinding);
  Export(exports, "isZoneName", IsZoneNameBinding);
  Export(exports, "applyRctls", ApplyRctlsBinding);
  Export(exports, "mountsUnder", MountsUnderBinding);
  Export(exports, "runningIds", RunningIdsBinding);
  Export(exports, "idOf", IdOfBinding);
  Export(exports, "nameOf", NameOfBinding);
  Export(exports, "running", RunningBinding);
  Export(exports, "datalinks", DatalinksBinding);
  Export(exports, "brandInfo", BrandInfoBinding);
  Export(exports, "pingZoneadmd", PingZoneadmdBinding);
  Export(exports, "callZoneadmd", CallZoneadmdBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(zonecfg, Init)

}  // namespace
}  // namespace smartadm::zonecfg
