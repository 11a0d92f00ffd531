// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/file_io.h"
#include "base/json.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 1 << 20;

bool IsTrue(const Json* value) {
  return value != nullptr && JsonBool(*value) == true;
}

std::unexpected<Error> Bad(const std::string& file, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read network configuration", file, why);
}

Result<PluginConfig> ParsePlugin(const PluginList& list, Json object) {
  PluginConfig plugin;
  plugin.type = JsonTextMember(object, "type");
  if (plugin.type.empty()) return Bad(list.file, "a plugin without a type");
  if (plugin.type.find_first_of(std::string_view("/\0", 2)) != plugin.type.npos ||
      plugin.type.starts_with('.'))
    return Bad(list.file, "type " + plugin.type + " is not a file name");
  if (const Json* capabilities = JsonMember(object, "capabilities"))
    plugin.port_mappings = IsTrue(JsonMember(*capabilities, "portMappings"));
  SetJsonMember(object, "name", list.name);
  SetJsonMember(object, "cniVersion", list.version);
  plugin.json = PrintJson(object);
  return plugin;
}

Result<std::vector<std::string>> ConfigFiles(const std::string& conf_dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(conf_dir, error), end; !error && it != end;
       it.increment(error)) {
    std::string extension = it->path().extension();
    if (extension == ".conflist" || extension == ".conf" || extension == ".json") files.push_back(it->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return SystemError("read directory", conf_dir, error.value());
  std::ranges::sort(files);
  return files;
}

Json PortMappingsJson(const std::vector<PortMapping>& ports) {
  Json list = Json::array();
  for (const PortMapping& port : ports) {
    Json entry = {{"hostPort", port.host_port},
                  {"containerPort", port.container_port},
                  {"protocol", std::string(ProtocolName(port.protocol))}};
    if (!port.host_ip.empty()) SetJsonMember(entry, "hostIP", port.host_ip);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

bool PluginList::IsAtLeast(int major, int minor) const {
  int have_major = 0;
  int have_minor = 0;
  const char* end = version.data() + version.size();
  auto [dot, error] = std::from_chars(version.data(), end, have_major);
  if (error != std::errc{}) return false;
  if (dot != end) std::from_chars(dot + 1, end, have_minor);
  return have_major != major ? have_major > major : have_minor >= minor;
}

bool PluginList::Has(const PluginConfig& plugin) const {
  return std::ranges::find(plugins, plugin.json, &PluginConfig::json) != plugins.end();
}

Result<PluginList> LoadPluginList(const std::string& conf_dir) {
  std::vector<std::string> files = TRY(ConfigFiles(conf_dir));
  if (files.empty()) return Fail(Code::kNotFound, "read network configuration", conf_dir, "no file in it");
  return ParsePluginList(files.front(), TRY(ReadFile(files.front(), kMaxConfigBytes)));
}

Result<PluginList> ParsePluginList(const std::string& file, const std::string& text) {
  Json config = TRY(ParseJson(text, file));
  if (!config.is_object()) return Bad(file, "not a JSON object");
  PluginList list{file, JsonTextMember(config, "name"), JsonTextMember(config, "cniVersion"), text, {}, {}};
  list.disable_gc = IsTrue(JsonMember(config, "disableGC"));
  if (list.name.empty()) return Bad(file, "no name");
  if (list.version.empty()) return Bad(file, "no cniVersion");
  if (!list.IsAtLeast(0, 3)) return Bad(file, "cniVersion " + list.version + " is older than 0.3.0");
  if (!file.ends_with(".conflist")) {
    list.plugins.push_back(TRY(ParsePlugin(list, std::move(config))));
    return list;
  }
  const Json* plugins = JsonMember(config, "plugins");
  if (plugins == nullptr || !plugins->is_array() || plugins->empty()) return Bad(file, "no plugins");
  for (const Json& plugin : *plugins) list.plugins.push_back(TRY(ParsePlugin(list, plugin)));
  return list;
}

std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous) {
  Json input = JsonOrNull(plugin.json);
  EraseJsonMember(input, "capabilities");  // for the runtime only
  if (plugin.port_mappings && !ports.empty())
    SetJsonMember(JsonObjectMember(input, "runtimeConfig"), "portMappings", PortMappingsJson(ports));
  if (Json result = JsonOrNull(previous); result.is_object())
    SetJsonMember(input, "prevResult", std::move(result));
  return PrintJson(input);
}

std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface) {
  Json input = JsonOrNull(plugin.json);
  EraseJsonMember(input, "capabilities");
  Json attachments = Json::array();
  for (const std::string& id : ids) attachments.push_back({{"containerID", id}, {"ifname", interface}});
  SetJsonMember(input, "cni.dev/valid-attachments", std::move(attachments));
  return PrintJson(input);
}

}  // namespace davit::cni
