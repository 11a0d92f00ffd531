// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/file_io.h"
#include "cni/plugin_json.h"

namespace davit {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 1 << 20;

std::unexpected<Error> Bad(const std::string& file, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read network configuration", file, why);
}

Result<PluginConfig> ParsePlugin(const PluginList& list, Json object) {
  PluginConfig plugin;
  plugin.type = StringAt(object, "type");
  if (plugin.type.empty()) return Bad(list.file, "a plugin without a type");
  if (plugin.type.find_first_of(std::string_view("/\0", 2)) != plugin.type.npos ||
      plugin.type.starts_with('.'))
    return Bad(list.file, "type " + plugin.type + " is not a file name");
  if (auto it = object.find("capabilities"); it != object.end() && it->is_object())
    plugin.port_mappings = it->value("portMappings", Json()) == true;
  object["name"] = list.name;
  object["cniVersion"] = list.version;
  plugin.json = DumpJson(object);
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
    if (!port.host_ip.empty()) entry["hostIP"] = port.host_ip;
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
  Json config = ParsePluginJson(text);
  if (!config.is_object()) return Bad(file, "not a JSON object");
  PluginList list{file, StringAt(config, "name"), StringAt(config, "cniVersion"), text, {}, {}};
  if (auto it = config.find("disableGC"); it != config.end()) list.disable_gc = *it == true;
  if (list.name.empty()) return Bad(file, "no name");
  if (list.version.empty()) return Bad(file, "no cniVersion");
  if (!list.IsAtLeast(0, 3)) return Bad(file, "cniVersion " + list.version + " is older than 0.3.0");
  if (!file.ends_with(".conflist")) {
    list.plugins.push_back(TRY(ParsePlugin(list, std::move(config))));
    return list;
  }
  auto plugins = config.find("plugins");
  if (plugins == config.end() || !plugins->is_array() || plugins->empty()) return Bad(file, "no plugins");
  for (Json& plugin : *plugins) list.plugins.push_back(TRY(ParsePlugin(list, std::move(plugin))));
  return list;
}

std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous) {
  Json input = ParsePluginJson(plugin.json);
  input.erase("capabilities");  // for the runtime only
  if (plugin.port_mappings && !ports.empty()) {
    Json& runtime_config = input["runtimeConfig"];
    if (!runtime_config.is_object()) runtime_config = Json::object();
    runtime_config["portMappings"] = PortMappingsJson(ports);
  }
  if (Json result = ParsePluginJson(previous); result.is_object()) input["prevResult"] = std::move(result);
  return DumpJson(input);
}

std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface) {
  Json input = ParsePluginJson(plugin.json);
  input.erase("capabilities");
  Json& attachments = input["cni.dev/valid-attachments"] = Json::array();
  for (const std::string& id : ids) attachments.push_back({{"containerID", id}, {"ifname", interface}});
  return DumpJson(input);
}

}  // namespace davit
