// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/spec.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/json.h"
#include "cri/host/cdi/names.h"
#include "cri/host/cdi/yaml.h"

namespace davit::cri::cdi {
namespace {

using Json = nlohmann::json;

constexpr std::array kVersions = {"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
                                  "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

// An object of the file whose fields are taken one by one; what nobody took is not allowed to be there.
class Fields {
 public:
  // `where` names the object in errors: "devices[0].containerEdits".
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  std::unexpected<Error> Bad(std::string_view field, std::string_view why) const {
    std::string subject = where_.empty() ? std::string(field) : where_ + "." + std::string(field);
    return Fail(Code::kInvalidArgument, "read", subject, why);
  }

  // Null when it is missing, or null in the file.
  const Json* Take(const char* field) {
    taken_.emplace_back(field);
    return JsonMember(json_, field);
  }

  Result<std::string> Text(const char* field) {
    const Json* value = Take(field);
    if (value == nullptr) return std::string();
    const std::string* text = JsonText(*value);
    if (text == nullptr) return Bad(field, "is not a string");
    if (text->find('\0') != std::string::npos) return Bad(field, "has a NUL");
    return *text;
  }

  Result<std::string> NeededText(const char* field) {
    std::string text = TRY(Text(field));
    if (text.empty()) return Bad(field, "is missing or empty");
    return text;
  }

  Result<std::optional<uint32_t>> Number(const char* field) {
    const Json* value = Take(field);
    if (value == nullptr) return std::nullopt;
    std::optional<uint64_t> number = JsonUnsigned(*value);
    if (!number || *number > std::numeric_limits<uint32_t>::max())
      return Bad(field, "is not a number of 32 bits");
    return static_cast<uint32_t>(*number);
  }

  Result<std::vector<std::string>> Texts(const char* field) {
    std::vector<std::string> texts;
    for (const Json& item : TRY(List(field))) {
      const std::string* text = JsonText(item);
      if (text == nullptr || text->find('\0') != std::string::npos)
        return Bad(field, "is not a list of strings");
      texts.push_back(*text);
    }
    return texts;
  }

  Result<std::vector<Json>> List(const char* field) {
    const Json* value = Take(field);
    if (value == nullptr) return std::vector<Json>();
    if (!value->is_array()) return Bad(field, "is not a list");
    return std::vector<Json>(value->begin(), value->end());
  }

  // The objects of a list, each with its place.
  Result<std::vector<std::pair<Json, std::string>>> Objects(const char* field) {
    std::vector<std::pair<Json, std::string>> objects;
    for (Json& item : TRY(List(field))) {
      std::string place = std::string(field) + "[" + std::to_string(objects.size()) + "]";
      if (!item.is_object()) return Bad(place, "is not an object");
      objects.emplace_back(std::move(item), where_.empty() ? place : where_ + "." + place);
    }
    return objects;
  }

  Result<> NothingElse() const {
    for (const auto& [field, value] : json_.items()) {
      if (std::ranges::find(taken_, field) == taken_.end()) return Bad(field, "is not a known field");
    }
    return {};
  }

  const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
  std::vector<std::string> taken_;
};

Result<std::string> AbsolutePath(Fields& fields, const char* field, bool needed) {
  std::string path = needed ? TRY(fields.NeededText(field)) : TRY(fields.Text(field));
  if (!path.empty() && !path.starts_with('/')) return fields.Bad(field, path + " is not an absolute path");
  return path;
}

Result<DeviceNode> ReadDeviceNode(const Json& json, const std::string& where) {
  Fields fields(json, where);
  DeviceNode node;
  node.path = TRY(AbsolutePath(fields, "path", /*needed=*/true));
  node.host_path = TRY(AbsolutePath(fields, "hostPath", /*needed=*/false));
  node.type = TRY(fields.Text("type"));
  if (!node.type.empty() && node.type != "b" && node.type != "c" && node.type != "u" && node.type != "p")
    return fields.Bad("type", node.type + " is none of b, c, u and p");
  node.major = TRY(fields.Number("major"));
  node.minor = TRY(fields.Number("minor"));
  node.mode = TRY(fields.Number("fileMode"));
  node.permissions = TRY(fields.Text("permissions"));
  if (node.permissions.find_first_not_of("rwm") != std::string::npos)
    return fields.Bad("permissions", node.permissions + " has other letters than r, w and m");
  node.uid = TRY(fields.Number("uid"));
  node.gid = TRY(fields.Number("gid"));
  TRY(fields.NothingElse());
  return node;
}

Result<Mount> ReadMount(const Json& json, const std::string& where) {
  Fields fields(json, where);
  Mount mount;
  mount.host_path = TRY(fields.NeededText("hostPath"));  // "tmpfs" for one that has none
  mount.container_path = TRY(AbsolutePath(fields, "containerPath", /*needed=*/true));
  mount.type = TRY(fields.Text("type"));
  mount.options = TRY(fields.Texts("options"));
  TRY(fields.NothingElse());
  return mount;
}

Result<std::vector<std::string>> ReadEnvironment(Fields& fields) {
  std::vector<std::string> env = TRY(fields.Texts("env"));
  for (const std::string& entry : env) {
    if (entry.find('=') == std::string::npos || entry.starts_with('='))
      return fields.Bad("env", entry + " is not of the form NAME=value");
  }
  return env;
}

Result<std::vector<uint32_t>> ReadGids(Fields& fields) {
  std::vector<uint32_t> gids;
  for (const Json& item : TRY(fields.List("additionalGids"))) {
    std::optional<uint64_t> gid = JsonUnsigned(item);
    if (!gid || *gid > std::numeric_limits<int32_t>::max())
      return fields.Bad("additionalGids", PrintJson(item) + " is not a group id");
    if (*gid != 0) gids.push_back(static_cast<uint32_t>(*gid));  // SPEC.md: 0 is left out
  }
  return gids;
}

// "createContainer /bin/hook"
Result<std::string> ReadHook(const Json& json, const std::string& where) {
  Fields fields(json, where);
  std::string name = TRY(fields.NeededText("hookName"));
  std::string path = TRY(AbsolutePath(fields, "path", /*needed=*/true));
  TRY(fields.Texts("args"));
  TRY(fields.Texts("env"));
  fields.Take("timeout");
  TRY(fields.NothingElse());
  return name + " " + path;
}

void Note(Edits& edits, const Fields& fields, const std::string& what) {
  if (edits.unsupported.empty()) edits.unsupported = fields.where() + "." + what;
}

Result<Edits> ReadEdits(const Json* json, const std::string& where) {
  Edits edits;
  if (json == nullptr) return edits;
  if (!json->is_object()) return Fail(Code::kInvalidArgument, "read", where, "is not an object");
  Fields fields(*json, where);
  edits.env = TRY(ReadEnvironment(fields));
  for (const auto& [node, place] : TRY(fields.Objects("deviceNodes")))
    edits.device_nodes.push_back(TRY(ReadDeviceNode(node, place)));
  for (const auto& [mount, place] : TRY(fields.Objects("mounts")))
    edits.mounts.push_back(TRY(ReadMount(mount, place)));
  edits.additional_gids = TRY(ReadGids(fields));
  for (const auto& [hook, place] : TRY(fields.Objects("hooks")))
    Note(edits, fields, "hooks: " + TRY(ReadHook(hook, place)));
  if (fields.Take("intelRdt") != nullptr) Note(edits, fields, "intelRdt");
  if (!TRY(fields.List("netDevices")).empty()) Note(edits, fields, "netDevices");
  TRY(fields.NothingElse());
  return edits;
}

Result<Device> ReadDevice(const Json& json, const std::string& where) {
  Fields fields(json, where);
  Device device;
  device.name = TRY(fields.NeededText("name"));
  if (!IsDeviceName(device.name)) return fields.Bad("name", device.name + " is not a device's name");
  fields.Take("annotations");
  device.edits = TRY(ReadEdits(fields.Take("containerEdits"), where + ".containerEdits"));
  TRY(fields.NothingElse());
  return device;
}

Result<Spec> ReadSpec(const Json& json) {
  if (!json.is_object()) return Fail(Code::kInvalidArgument, "read", "the file", "is not an object");
  Fields fields(json, "");
  Spec spec;
  std::string version = TRY(fields.NeededText("cdiVersion"));
  if (version.starts_with('v')) version.erase(0, 1);
  if (std::ranges::find(kVersions, version) == kVersions.end())
    return fields.Bad("cdiVersion", version + " is not a known version");
  spec.kind = TRY(fields.NeededText("kind"));
  if (!IsKind(spec.kind)) return fields.Bad("kind", spec.kind + " is not of the form VENDOR/CLASS");
  fields.Take("annotations");
  for (const auto& [object, place] : TRY(fields.Objects("devices"))) {
    Device device = TRY(ReadDevice(object, place));
    if (std::ranges::find(spec.devices, device.name, &Device::name) != spec.devices.end())
      return fields.Bad("devices", device.name + " is there twice");
    spec.devices.push_back(std::move(device));
  }
  if (spec.devices.empty()) return fields.Bad("devices", "is missing or empty");
  spec.edits = TRY(ReadEdits(fields.Take("containerEdits"), "containerEdits"));
  TRY(fields.NothingElse());
  return spec;
}

Result<Json> ParseText(Syntax syntax, std::string_view text) {
  if (syntax == Syntax::kYaml) return ParseYaml(text);
  return ParseJson(text, "JSON");
}

}  // namespace

Result<Spec> ParseSpec(const std::string& file, Syntax syntax, std::string_view text) {
  Result<Json> json = ParseText(syntax, text);
  Result<Spec> spec = json ? ReadSpec(*json) : std::unexpected(std::move(json).error());
  if (!spec) return std::unexpected(Within(file, std::move(spec).error()));
  spec->file = file;
  return spec;
}

}  // namespace davit::cri::cdi
